"""What the command takes, and what it refuses with status 2 and a line that says why."""

import base64
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from infirmary_relay.command import main
from tests.unit.relay.test_explained_headers import GOOD


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "SERVICE|schema|check-header"),
        (["ward", "lab"], "unrecognized arguments: lab"),
        (["ward", "--mongo"], "--mongo belongs to `schema`"),
        (["ward", "--database"], "unrecognized arguments: --database"),
    ],
)
def test_what_it_does_not_know_it_refuses(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_a_relay_without_its_settings_names_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DATABASE_URL", "RABBITMQ_URL"):
        monkeypatch.delenv(name, raising=False)
    assert main(["ward"]) == 2
    said = capsys.readouterr().err
    assert "DATABASE_URL: " in said
    assert "RABBITMQ_URL: " in said


def test_the_schema_is_printed_for_either_database(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert "CREATE TABLE outbox (" in capsys.readouterr().out
    assert main(["schema", "--mongo"]) == 0
    assert "outbox_since" in capsys.readouterr().out


def test_a_header_is_explained_however_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "header"
    file.write_bytes(GOOD)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(GOOD.hex(" ").encode())))
    ways = [GOOD.hex(), f"\\x{GOOD.hex()}", base64.b64encode(GOOD).decode(), str(file), "-"]
    told = set()
    for way in ways:
        assert main(["check-header", way]) == 0
        told.add(capsys.readouterr().out)
    assert len(told) == 1
    assert "bed/7" in told.pop()


def test_what_is_wrong_in_a_header_ends_with_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-header", "--json", GOOD[:-8].hex()]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["version"], said["bytes"]) == (2, len(GOOD) - 8)
    assert {"section": "properties", "name": "group-id", "type": "string a1", "value": "ward"} in said["fields"]
    assert "cannot be read" in said["wrong"][0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "say which header"),
        (["0053", "--row", "1"], "say which header"),
        (["missing-file.hex"], "no header and no file"),
        (["--row", "1"], "DATABASE_URL should be postgresql://"),
    ],
)
def test_where_there_is_no_header_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mongodb://somewhere/else")
    with pytest.raises(SystemExit) as ended:
        main(["check-header", *arguments])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
