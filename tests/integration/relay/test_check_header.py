"""A row that waits in the outbox is explained by its id, and its columns are compared."""

import json

import pytest

from infirmary_relay.command import main
from tests.integration.relay.outboxes import Message, PostgresOutbox
from tests.integration.relay.test_versions import header


def test_a_row_is_explained_by_its_id(
    postgres_outbox: PostgresOutbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_outbox.url)
    message_id = "0198c5f0-8a5e-7cc2-b1d5-6f1c1d1a9f6e"
    postgres_outbox.write([Message("ward.events", "p", 1, b"body", header("ward", message_id, 1))])
    postgres_outbox.session.execute("UPDATE outbox SET message_id = %s", [message_id])
    ((row_id,),) = postgres_outbox.session.execute("SELECT id FROM outbox").fetchall()
    assert main(["check-header", "--row", str(row_id)]) == 0
    assert "traceparent" in capsys.readouterr().out
    postgres_outbox.session.execute("UPDATE outbox SET subject = 'q', sequence = 2")
    assert main(["check-header", "--row", str(row_id), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["wrong"] == [
        "its subject is 'p', and the row's column says 'q'",
        "its sequence is 1, and the row's column says 2",
    ]


@pytest.mark.parametrize(("row_id", "says"), [("1", "row 1 has no header"), ("999", "there is no row 999")])
def test_a_row_without_a_header_and_one_that_has_gone_are_told(
    postgres_outbox: PostgresOutbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    row_id: str,
    says: str,
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_outbox.url)
    postgres_outbox.write([Message("ward.events", "p", 1, b"body")])
    with pytest.raises(SystemExit) as ended:
        main(["check-header", "--row", row_id])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
