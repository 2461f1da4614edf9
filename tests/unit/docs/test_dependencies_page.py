"""docs/dependencies.md says why each dependency is there; the lock files hold names, versions and hashes only."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = [project["project"]["dependencies"], *project["dependency-groups"].values()]
    return {re.split(r"[\[>=<~!]", requirement)[0] for group in groups for requirement in group}


def test_every_dependency_has_its_reason_and_every_reason_its_dependency() -> None:
    page = (ROOT / "docs/dependencies.md").read_text()
    explained = set(re.findall(r"^\| ([a-z0-9-]+) \|", page, re.MULTILINE)) - {"package"}
    assert explained == declared()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-day.lock", "requirements-dev.lock"])
def test_a_lock_file_holds_no_url_and_a_hash_for_each_package(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    entries = [entry for entry in re.split(r"(?m)^(?=[a-z])", text) if entry.strip()]
    assert len(entries) > 20
    assert all(re.match(r"[a-z0-9._-]+==", entry) and "--hash=sha256:" in entry for entry in entries)
