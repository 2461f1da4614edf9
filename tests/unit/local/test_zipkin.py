"""Where a Zipkin comes from, and what is said where there is none."""

from pathlib import Path
from typing import Any

import pytest

from local.errors import LocalError
from local.servers import zipkin
from local.servers.zipkin import find_java, zipkin_for, zipkin_jar


def java(folder: Path, version: str) -> str:
    """Returns a program that says of itself that it is a Java of this version."""
    program = folder / "java"
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize(("version", "good"), [("17.0.15", True), ("21", True), ("11.0.2", False), ("1.8.0_1", False)])
def test_a_java_has_to_be_young_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, good: bool
) -> None:
    program = java(tmp_path, version)
    monkeypatch.setattr(zipkin, "find_program", lambda _name: program)
    assert (find_java() == program) is good


def test_without_a_java_there_is_none_and_a_line_that_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(zipkin, "find_program", lambda _name: None)
    said: list[str] = []
    assert zipkin_for(tmp_path / "zipkin.log", said.append) is None
    assert said == ["There is no Java of version 17 or later: no Zipkin is started, and no traces are kept"]


def test_a_file_that_is_named_is_taken_and_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    jar = tmp_path / "zipkin.jar"
    with pytest.raises(LocalError, match=f"ZIPKIN_JAR: there is no file {jar}"):
        zipkin_jar(print, {"ZIPKIN_JAR": str(jar)})
    jar.touch()
    assert zipkin_jar(print, {"ZIPKIN_JAR": str(jar)}) == jar


def test_what_is_not_what_was_published_is_not_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fetched = tmp_path / "infirmary"

    def maven(folder: Path, _announce: Any) -> None:
        folder.mkdir()
        (folder / "zipkin-server-3.5.1-exec.jar").write_bytes(b"something else")

    monkeypatch.setattr(zipkin, "_CACHE", fetched)
    monkeypatch.setattr(zipkin, "_fetch", maven)
    with pytest.raises(LocalError, match=r"is not the zipkin-server-.*\.jar that was published"):
        zipkin_jar(print, {})


def test_without_maven_the_way_to_the_file_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(zipkin, "_CACHE", tmp_path / "infirmary")
    monkeypatch.setattr(zipkin, "find_program", lambda _name: None)
    with pytest.raises(LocalError, match=r"set ZIPKIN_JAR to zipkin-server-.*\.jar"):
        zipkin_jar(print, {})
