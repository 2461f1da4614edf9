"""What pre-commit runs is what `make check` runs, and needs no network."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
CHECKS = re.findall(r"^check (\w+) ", (ROOT / "scripts/check.sh").read_text(), re.MULTILINE)


def hooks() -> list[dict[str, Any]]:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    return list(repository["hooks"])


def test_what_make_check_runs_is_run_before_a_commit_and_nothing_else() -> None:
    assert len(CHECKS) > 5
    assert [hook["entry"] for hook in hooks()] == [f"sh scripts/check.sh {check}" for check in CHECKS]


def test_a_commit_needs_no_network() -> None:
    for hook in hooks():
        assert hook["language"] == "system"
        assert not hook["pass_filenames"]
