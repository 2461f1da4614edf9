"""What cannot be read, converted or sent stands still with its subject, and nothing else does: on either source."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from bson import Binary, Int64

from infirmary_relay.headers.content_header import header_prefix
from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import OVER_BOTH, StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject
from tests.integration.relay.outboxes import Message, MongoOutbox, Outbox, PostgresOutbox, partition_of

ODD_COLUMNS: dict[str, dict[str, Any]] = {
    "long type": {"type": "T" * 300},
    "no header at all": {"header": b""},
    "header cut off": {"header": header_prefix(2)[:7]},
    "header of another body": {"header": header_prefix(3) + b"\0\0"},
    "huge header": {"header": header_prefix(2) + b"\x20\0" + b"\0" * 200_000},
    "long target": {"target": "t" * 300},
    "large body": {"body": b"x" * 1_048_577},
    "long subject " * 100_000: {},
    "infinity": {"created_at": "infinity"},
    "minus infinity": {"created_at": "-infinity"},
    "before Christ": {"created_at": "0044-03-15 BC"},
    "far future": {"created_at": "12026-01-01"},
    "before 1970": {"created_at": "1969-12-31 23:59:59Z"},
}
INSERT = """
INSERT INTO outbox (partition, message_id, target, type, subject, sequence, header, body, created_at)
VALUES (%(partition)s, %(message_id)s, %(target)s, %(type)s, %(subject)s, 1, %(header)s, %(body)s, %(created_at)s)
"""


def test_a_row_that_cannot_be_converted_stands_still_alone_until_it_is_gone(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(postgres_outbox).until_ready()
    for subject, odd in ODD_COLUMNS.items():
        usual: dict[str, Any] = {
            "partition": partition_of(subject),
            "message_id": uuid4(),
            "target": f"{service}.events",
            "type": "Noted",
            "subject": subject,
            "header": None,
            "body": b"{}",
            "created_at": "2026-11-25",
        }
        postgres_outbox.session.execute(INSERT, usual | odd)
    postgres_outbox.write(events(service, 3))
    eventually(lambda: postgres_outbox.waiting() == len(ODD_COLUMNS), because="all others have gone")
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(3)
    for subject in ODD_COLUMNS:
        if len(subject) < 100:
            assert f"subject {subject}: it cannot be sent: its" in relay.reasons()
    assert "TTTT'... has 300 bytes, AMQP has room for 255" in relay.reasons()
    assert "its subject has 1300000 bytes, more than 4096" in relay.reasons()
    assert "its body has 1048577 bytes, more than MESSAGE_MAX_BYTES (1048576)" in relay.reasons()
    assert "its created_at infinity is no time that a header holds" in relay.reasons()
    eventually(
        lambda: relay.metric('outbox_relay_blocked{kind="subject"}') == len(ODD_COLUMNS),
        because="all of them are counted",
    )
    postgres_outbox.session.execute("DELETE FROM outbox")
    eventually(lambda: relay.reasons() == "", because="nothing is held back any more", within_s=5)
    assert relay.get("/healthz")[0] == 200


@pytest.mark.parametrize("column", ["type", "target"])
def test_a_row_that_the_server_cannot_read_out_stands_still_alone(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay, column: str
) -> None:
    columns = "id, partition, message_id, target, type, subject, sequence, header, body, created_at"
    spoil = f"""
        CREATE FUNCTION spoiled(text) RETURNS text LANGUAGE sql IMMUTABLE AS
            $$ SELECT CASE WHEN $1 = 'spoiled' THEN convert_from('\\xff'::bytea, 'UTF8') ELSE $1 END $$;
        ALTER TABLE outbox RENAME TO rows;
        CREATE VIEW outbox AS SELECT {columns.replace(column, f"spoiled({column}) AS {column}")} FROM rows;
        GRANT ALL ON outbox TO PUBLIC
    """
    postgres_outbox.write(events(service, 2))
    postgres_outbox.session.execute(
        INSERT,
        {
            "partition": 1,
            "message_id": uuid4(),
            "target": f"{service}.events",
            "type": "Noted",
            "subject": "s",
            "header": None,
            "body": b"{}",
            "created_at": "2026-11-25",
            column: "spoiled",
        },
    )
    postgres_outbox.write([Message(f"{service}.events", "s", 2, b"s 2")])
    postgres_outbox.session.execute(spoil)
    relay = start_relay(postgres_outbox)
    eventually(lambda: postgres_outbox.waiting() == 2, because="all others have gone")
    assert "cannot be read: invalid byte sequence" in relay.reasons()
    measured = relay.metric("outbox_relay_measured_timestamp_seconds")
    eventually(
        lambda: relay.metric("outbox_relay_measured_timestamp_seconds") > measured, because="it is measured", within_s=9
    )
    assert relay.metric('outbox_relay_connections_total{server="source"}') == 1
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(2)


ODD_ENTRIES: dict[str, dict[str, Any]] = {
    "long type": {"type": "T" * 300},
    "no type": {"type": None},
    "empty header": {"header": b""},
    "header of another body": {"header": Binary(header_prefix(3) + b"\0\0")},
    "header of text": {"header": "header"},
    "long target": {"target": "t" * 300},
    "no target": {"target": None},
    "id of text": {"message_id": "1"},
    "id of a document": {"message_id": {"a": 1}},
    "large body": {"body": Binary(b"x" * 1_048_577)},
    "no body": {"body": None},
    "body of text": {"body": "{}"},
    "sequence of text": {"sequence": "1"},
    "sequence of half": {"sequence": 1.5},
    "before 1970": {"created_at": datetime(1969, 1, 1, tzinfo=UTC)},
    "time of text": {"created_at": "yesterday"},
}
ODD_DOCUMENTS: list[dict[str, Any]] = [
    {"outbox": "text"},
    {"outbox": {"a": 1}},
    {"outbox": None},
    {"outbox": ["text"]},
    {"outbox": [{"body": b"{}"}]},
    {"outbox": [], "outbox_partition": "no number"},
    {"outbox": [], "outbox_partition": 64},
    {"outbox": []} | {"outbox_partition": None},
    {"_id": {"a": [1]}, "outbox": 5},
]


def entry(service: str, subject: Any) -> dict[str, Any]:
    return {
        "message_id": uuid4(),
        "target": f"{service}.events",
        "type": "Noted",
        "subject": subject,
        "sequence": Int64(1),
        "header": None,
        "body": Binary(b"{}"),
        "created_at": datetime.now(UTC),
    }


def test_an_entry_or_a_document_that_cannot_be_converted_stands_still_alone(
    service: str, mongodb: Callable[[str], str], broker: Broker, start_relay: StartRelay
) -> None:
    outbox = MongoOutbox(mongodb(service))
    marks = {"outbox_partition": 3, "outbox_since": datetime.now(UTC)}
    odd = [
        {"_id": uuid4(), "outbox": [entry(service, subject) | changes]} | marks
        for subject, changes in ODD_ENTRIES.items()
    ]
    odd += [{"_id": uuid4()} | marks | document for document in ODD_DOCUMENTS]
    outbox.documents.insert_many(odd)
    outbox.write(events(service, 2))
    relay = start_relay(outbox)
    ours = {"_id": {"$in": [each["_id"] for each in odd]}}
    others = {"_id": {"$nin": [each["_id"] for each in odd]}, "outbox_since": {"$exists": True}}
    eventually(lambda: outbox.documents.count_documents(others) == 0, because="all others have gone")
    eventually(lambda: relay.metric('outbox_relay_blocked{kind="subject"}') == len(odd), because="all are known")
    outbox.write(events(service, 2, first=3))
    eventually(lambda: outbox.documents.count_documents(others) == 0, because="others still go")
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(4)
    assert "subject no body: it cannot be sent: its body is no binary data: None" in relay.reasons()
    assert "its outbox is no array: 'text'" in relay.reasons()
    outbox.documents.delete_many(ours)
    eventually(lambda: relay.reasons() == "", because="nothing is held back any more", within_s=8)
    outbox.close()


def test_what_stands_behind_an_odd_message_of_its_subject_waits_with_it(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    log = f"{service}.events"
    outbox.write([Message(log, "odd", 1, b"odd 1", header=b"rubbish"), Message(log, "odd", 2, b"odd 2")])
    outbox.write(events(service, 2))
    relay = start_relay(outbox)
    eventually(lambda: outbox.waiting() == 2, because="all others have gone")
    assert "subject odd: it cannot be sent: its header" in relay.reasons()
    assert in_order_of_subject(broker.bodies(log)) == everything(2)


@OVER_BOTH
@pytest.mark.parametrize(
    "rubbish",
    [b"", b"\xff", b"\xff\xff", b"\x00\x01\x00\x01", b"\xff\xfc" + bytes(range(200, 250)), b"\x20\x00\xff\xff\xff\xff"],
)
def test_a_header_of_rubbish_is_found_and_stands_still_alone(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay, rubbish: bytes
) -> None:
    log = f"{service}.events"
    postgres_outbox.write([Message(log, "odd", 1, b"{}", header=header_prefix(2) + rubbish), *events(service, 2)])
    relay = start_relay(postgres_outbox)
    eventually(lambda: postgres_outbox.waiting() <= 1, because="all others have gone", within_s=30)
    assert in_order_of_subject([each for each in broker.bodies(log) if each != "{}"]) == everything(2)
    assert relay.get("/healthz")[0] == 200


def test_a_thousand_odd_rows_do_not_stop_the_others(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(postgres_outbox).until_ready()
    log = f"{service}.events"
    postgres_outbox.write([Message(log, f"odd {number}", 1, b"{}", header=b"") for number in range(1000)])
    postgres_outbox.write(events(service, 3))
    eventually(lambda: postgres_outbox.waiting() == 1000, because="all others have gone", within_s=10)
    assert in_order_of_subject(broker.bodies(log)) == everything(3)
    assert "and 950 more" in relay.reasons()
    postgres_outbox.session.execute("DELETE FROM outbox")
    eventually(lambda: relay.reasons() == "", because="nothing is held back any more", within_s=5)


@pytest.mark.parametrize("size", [1024, 2048])
def test_the_largest_message_is_a_setting(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay, size: int
) -> None:
    relay = start_relay(outbox, MESSAGE_MAX_BYTES=str(size)).until_ready()
    log = f"{service}.events"
    outbox.write([Message(log, "fits", 1, b"f" * size), Message(log, "is too large", 1, b"t" * (size + 1))])
    eventually(lambda: outbox.waiting() == 1, because="what fits has gone")
    eventually(lambda: f"has {size + 1} bytes, more than MESSAGE_MAX_BYTES ({size})" in relay.reasons(), because="said")
    assert broker.bodies(log) == ["f" * size]
