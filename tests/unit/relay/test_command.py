"""What the command takes, and what it refuses with status 2 and a line that says why."""

import pytest

from infirmary_relay.command import main


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "SERVICE|schema"),
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
