"""docs/dependencies.md says why each dependency is there; the lock files hold names, versions and hashes only."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[3]


NOT_PROMISED = {"amqp", "flask-openapi3", "gunicorn", "kombu", "psycopg"}
"""Packages of whose inside we use something."""

OURS = {"infirmary-streams"}
"""Distributions that are built from this checkout, and locked by nobody."""

HOSPITAL = ("http", "mongo")
"""The extras of the library that the hospital's services need."""

INSTALLED_BY = {
    "requirements.lock": HOSPITAL,
    "requirements-trace.lock": (*HOSPITAL, "trace"),
    "requirements-day.lock": (*HOSPITAL, "day"),
    "requirements-dev.lock": (*HOSPITAL, "trace", "day", "local", "dev"),
}


def requirements(*groups: str) -> list[Requirement]:
    """Returns what a service needs of others, and what these groups and extras need beside it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = {**project["project"]["optional-dependencies"], **project["dependency-groups"]}
    chosen = [project["project"]["dependencies"], *(named[group] for group in groups)]
    found = [Requirement(each) for group in chosen for each in group]
    return [each for each in found if each.name not in OURS]


def declared() -> set[str]:
    return {each.name for each in requirements(*INSTALLED_BY["requirements-dev.lock"])}


@pytest.mark.parametrize("name", INSTALLED_BY)
def test_a_lock_file_holds_what_is_declared(name: str) -> None:
    locked = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))
    for each in requirements(*INSTALLED_BY[name]):
        assert each.specifier.contains(locked[each.name], prereleases=True), f"{name}: {each}: `make lock`"


def test_what_we_use_from_the_inside_has_an_upper_bound() -> None:
    bounded = {each.name for each in requirements(*HOSPITAL) if any(part.operator == "<" for part in each.specifier)}
    assert bounded >= NOT_PROMISED


def test_every_dependency_has_its_reason_and_every_reason_its_dependency() -> None:
    page = (ROOT / "docs/dependencies.md").read_text()
    explained = set(re.findall(r"^\| ([a-z0-9-]+) \|", page, re.MULTILINE)) - {"package"}
    assert explained == declared()


@pytest.mark.parametrize("name", INSTALLED_BY)
def test_a_lock_file_holds_no_url_and_a_hash_for_each_package(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    entries = [entry for entry in re.split(r"(?m)^(?=[a-z])", text) if entry.strip()]
    assert len(entries) > 20
    assert all(re.match(r"[a-z0-9._-]+==", entry) and "--hash=sha256:" in entry for entry in entries)
