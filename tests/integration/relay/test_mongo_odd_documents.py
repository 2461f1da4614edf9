"""Documents of MongoDB that give nothing to send, or keep what was sent, stand in nobody's way."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from bson import Binary

from infirmary_relay.headers.content_header import header_prefix
from infirmary_relay.sources import mongo_deletions
from infirmary_relay.sources.mongo_deletions import Deletions
from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import OVER_BOTH, StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject
from tests.integration.relay.outboxes import Message, MongoOutbox
from tests.integration.relay.test_odd_rows import entry

LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
KILLS_THE_CHANNEL = Binary(header_prefix(2) + b"\xff\xff")


@pytest.fixture
def outbox(service: str, mongodb: Callable[[str], str]) -> Iterator[MongoOutbox]:
    documents = MongoOutbox(mongodb(service))
    yield documents
    documents.close()


def document(*entries: dict[str, Any], number: int = 0, **fields: Any) -> dict[str, Any]:
    marks = {"outbox_partition": number % 64, "outbox_since": LONG_AGO}
    return {"_id": uuid4(), "odd": True, "outbox": list(entries)} | marks | fields


def others_have_gone(outbox: MongoOutbox) -> bool:
    return outbox.documents.count_documents({"odd": {"$exists": False}, "outbox_since": {"$exists": True}}) == 0


@OVER_BOTH
def test_a_message_that_ends_the_connection_is_found_behind_others_that_stand_still(
    outbox: MongoOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(outbox).until_ready()
    outbox.documents.insert_one(document(entry(service, "x" * 5000)))
    outbox.documents.insert_one(document(entry(service, "to nowhere") | {"target": "", "sequence": None}))
    outbox.documents.insert_one(document(entry(service, "to a number") | {"target": 5}))
    eventually(lambda: "to a number" in relay.reasons() and "5000 bytes" in relay.reasons(), because="they are known")
    outbox.documents.insert_one(document(entry(service, "ends it") | {"header": KILLS_THE_CHANNEL}))
    outbox.write(events(service, 3))
    eventually(lambda: others_have_gone(outbox), because="all others have gone", within_s=15)
    eventually(lambda: "subject ends it" in relay.reasons(), because="it is known")
    assert in_order_of_subject([each for each in broker.bodies(f"{service}.events") if each != "{}"]) == everything(3)


def test_a_thousand_documents_of_a_subject_that_no_query_names_do_not_stop_the_others(
    outbox: MongoOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(outbox).until_ready()
    odd = [document(entry(service, "y" * 5000), number=number) for number in range(1500)]
    outbox.documents.insert_many(odd)
    outbox.write(events(service, 2))
    eventually(lambda: others_have_gone(outbox), because="all others have gone")
    outbox.write(events(service, 2, first=3))
    eventually(lambda: others_have_gone(outbox), because="others still go")
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(4)
    good = {"outbox": [entry(service, "mended")]}
    outbox.documents.update_one({"_id": odd[700]["_id"]}, {"$set": good})
    eventually(lambda: "{}" in broker.bodies(f"{service}.events"), because="what is mended among them is found")
    outbox.documents.delete_many({"odd": True})
    eventually(lambda: relay.reasons() == "", because="nothing is held back any more", within_s=8)


def test_a_document_without_messages_loses_its_mark(
    outbox: MongoOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    outbox.documents.insert_many([document(number=number) for number in range(1200)])
    outbox.write(events(service, 1))
    start_relay(outbox)
    marked = {"outbox_since": {"$exists": True}}
    eventually(lambda: outbox.documents.count_documents(marked) == 0, because="no document is marked")
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(1)


def test_a_document_that_refuses_to_be_changed_is_told_and_its_messages_are_sent_once(
    outbox: MongoOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    database, name = outbox.documents.database, outbox.documents.name
    outbox.documents.insert_one(document(entry(service, "kept"), entry(service, "kept")))
    outbox.write([Message(f"{service}.events", "patient-0", 1, b"patient-0 1")])
    database.command("collMod", name, validator={"odd": {"$exists": False}}, validationLevel="strict")
    relay = start_relay(outbox)
    eventually(lambda: "cannot be deleted" in relay.reasons(), because="it is told")
    assert "Document failed validation" in relay.reasons()
    for number in range(2, 8):
        outbox.write([Message(f"{service}.events", "patient-0", number, f"patient-0 {number}".encode())])
        eventually(lambda: others_have_gone(outbox), because="others go on")
    assert broker.bodies(f"{service}.events").count("{}") == 2
    assert relay.metric('outbox_relay_connections_total{server="source"}') == 1
    database.command("collMod", name, validator={})
    eventually(lambda: relay.reasons() == "", because="it is deleted at last", within_s=15)
    assert outbox.documents.count_documents({"outbox_since": {"$exists": True}}) == 0
    assert broker.bodies(f"{service}.events").count("{}") == 2


def test_what_was_refused_is_tried_again_later_and_too_many_are_said(
    outbox: MongoOutbox, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_deletions, "MOST_REFUSED", 2)
    database, name = outbox.documents.database, outbox.documents.name
    entries = [entry(service, "kept") for _ in range(4)]
    documents = [document(each) for each in entries]
    outbox.documents.insert_many(documents)
    database.command("collMod", name, validator={"odd": {"$exists": False}}, validationLevel="strict")
    deletions = Deletions(outbox.documents)
    asked = [(document["_id"], [each["message_id"]]) for document, each in zip(documents, entries, strict=True)]
    for number, (key, ids) in enumerate(asked):
        assert deletions.are_too_many_refused == (number > 2)
        deletions.add(key, ids)
        assert deletions.flush(0.0) == []
    assert "(and those of 3 more documents); nothing more is sent until they can: " in str(deletions.last_error)
    database.command("collMod", name, validator={})
    assert deletions.flush(0.4) == []
    assert deletions.flush(0.5) == asked
    assert deletions.last_error is None
    assert outbox.waiting() == 0


@pytest.mark.parametrize("odd_id", [float("nan"), True, {"a": [1]}, 2.5, "x" * 500, {"nan": float("nan")}])
def test_a_document_of_any_id_is_emptied(
    outbox: MongoOutbox, broker: Broker, service: str, start_relay: StartRelay, odd_id: Any
) -> None:
    relay = start_relay(outbox).until_ready()
    outbox.documents.insert_many([document(entry(service, "odd"), _id=each) for each in (odd_id, 1)])
    for number in range(1, 8):
        outbox.write(events(service, 1, first=number))
        eventually(lambda: others_have_gone(outbox), because="others go on")
    eventually(lambda: outbox.waiting() == 0 or "cannot be deleted" in relay.reasons(), because="it is gone or told")
    assert broker.bodies(f"{service}.events").count("{}") == 2
    assert in_order_of_subject([each for each in broker.bodies(f"{service}.events") if each != "{}"]) == everything(7)
