"""What is made of pip-audit's answer: a vulnerable package fails, and a database that is not reached is told."""

import json

import pytest

from scripts.known_vulnerabilities import judged

FINE = {"name": "flask", "version": "3.1.3", "vulns": []}
KNOWN = {"id": "PYSEC-2030-1", "fix_versions": ["2.1", "3.0"], "aliases": [], "description": ""}
BAD = {"name": "old", "version": "2.0", "vulns": [KNOWN]}
UNKNOWN = {"name": "new", "skip_reason": "Dependency not found on PyPI and could not be audited: new (9.9)"}


def answer(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_a_vulnerable_package_is_named_with_what_mends_it() -> None:
    lines, vulnerable = judged("a.lock", answer(FINE, BAD, UNKNOWN), "Found 1 known vulnerability")
    assert vulnerable
    assert "a.lock: old 2.0 has PYSEC-2030-1; mended in 2.1, 3.0" in lines
    assert lines[0] == "a.lock: 2 of 3 packages were asked about, 1 advisories fit"


def test_what_the_database_does_not_know_is_told_and_fails_nobody() -> None:
    lines, vulnerable = judged("a.lock", answer(FINE, UNKNOWN), "")
    assert not vulnerable
    assert lines == [
        "a.lock: 1 of 2 packages were asked about, 0 advisories fit",
        "a.lock: the database does not know these: new",
    ]


@pytest.mark.parametrize("output", ["", "no JSON", "[]", "{}"])
def test_a_database_that_was_not_reached_is_told_and_fails_nobody(output: str) -> None:
    lines, vulnerable = judged("a.lock", output, "Traceback\nConnectionError: no route to host\n")
    assert not vulnerable
    assert lines == ["a.lock: nothing was asked, because no database was reached: ConnectionError: no route to host"]
