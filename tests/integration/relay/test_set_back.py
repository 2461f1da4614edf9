"""A relay whose database was set back publishes nothing, says why, and goes on by itself when that was mended."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from infirmary_relay.sources.mongo_incarnation import incarnation_of
from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import OVER_BOTH, StartRelay
from tests.integration.relay.events import until_delivered
from tests.integration.relay.numbering import UNMARKED, Numbering, PostgresNumbering, numbering_in
from tests.integration.relay.outboxes import Outbox, PostgresOutbox
from tests.integration.relay.process import RelayProcess


@pytest.fixture
def orders(outbox: Outbox, service: str) -> Numbering:
    return numbering_in(outbox, service)


def until_kept(relay: RelayProcess) -> str:
    eventually(lambda: "set back" in relay.reasons(), because="it has noticed that it was set back")
    assert relay.metric("outbox_relay_set_back") == 1
    return relay.reasons()


def test_nothing_is_published_until_it_was_mended(
    outbox: Outbox, orders: Numbering, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    log = f"{service}.events"
    relay = start_relay(outbox).until_ready()
    orders.says("a", 1, "first")
    lost = orders.says("a", 2, "lost")
    until_delivered(outbox)
    relay.stop()
    orders.is_set_back("a", 2, lost)
    orders.says("b", 1, "of another subject")
    relay = start_relay(outbox)
    assert f"set back to an earlier moment: {log} holds message" in until_kept(relay)
    assert "of a with sequence 2" in (orders.marked_because() or "")
    assert relay.metric('outbox_relay_not_ready{reason="set_back"}') == 1
    assert (outbox.waiting(), broker.bodies(log)) == (1, ["first", "lost"])
    orders.is_mended("a", 2, lost)
    until_delivered(outbox)
    assert broker.bodies(log) == ["first", "lost", "of another subject"]
    assert relay.until_ready().metric("outbox_relay_set_back") == 0


def test_it_is_noticed_under_a_running_relay(
    outbox: Outbox, orders: Numbering, service: str, start_relay: StartRelay
) -> None:
    outbox.note_logs([f"{service}.to.billing"])
    relay = start_relay(outbox).until_ready()
    lost = orders.says("saga", 1, "a command", log="to.billing")
    until_delivered(outbox)
    orders.is_set_back("saga", 1, lost, log="to.billing")
    if isinstance(outbox, PostgresOutbox):
        outbox.end_sessions()  # whoever restores MongoDB ends none
    assert f"{service}.to.billing holds message" in until_kept(relay)


def test_a_number_that_was_given_out_again_is_noticed_before_it_is_published(
    outbox: Outbox, orders: Numbering, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(outbox).until_ready()
    lost = orders.says("a", 1, "lost")
    until_delivered(outbox)
    relay.stop()
    orders.is_set_back("a", 1, lost)
    orders.says("a", 1, "again")
    assert "of a with sequence 1" in until_kept(start_relay(outbox))
    assert broker.bodies(f"{service}.events") == ["lost"]


def test_state_that_is_told_again_and_waits_is_no_number_given_out_again(
    outbox: Outbox, orders: Numbering, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(outbox).until_ready()
    orders.says("a", 1, "event")
    until_delivered(outbox)
    relay.stop()
    orders.says("a", 1, "event", state=1)
    start_relay(outbox).until_ready()
    until_delivered(outbox)
    assert broker.bodies(f"{service}.events") == ["event", "event"]


def test_a_second_relay_finds_the_mark_of_the_first(outbox: Outbox, orders: Numbering, start_relay: StartRelay) -> None:
    relay = start_relay(outbox).until_ready()
    lost = orders.says("a", 1, "lost")
    until_delivered(outbox)
    relay.stop()
    orders.is_set_back("a", 1, lost)
    said = [until_kept(start_relay(outbox)) for _ in range(2)]
    assert said[0] == said[1]


def test_a_relay_that_publishes_stops_when_somebody_else_marks_the_database_and_goes_on_with_what_is_there_then(
    outbox: Outbox, orders: Numbering, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(outbox).until_ready()
    orders.says("a", 1, "before")
    until_delivered(outbox)
    orders.mark("the consumer has seen it")
    assert "the consumer has seen it" in until_kept(relay)
    cause = orders.says("a", 2, "meanwhile")
    turns = relay.metric("outbox_relay_turns_total")
    eventually(lambda: relay.metric("outbox_relay_turns_total") > turns + 5, because="it goes round")
    assert (outbox.waiting(), broker.bodies(f"{service}.events")) == (1, ["before"])
    orders.is_mended("a", 2, cause)
    orders.says("a", 3, "behind")
    until_delivered(outbox)
    assert broker.bodies(f"{service}.events")[-1] == "behind"


def test_a_database_of_mongodb_that_was_emptied_under_the_relay_is_marked_once(
    mongodb: Callable[[str], str], service: str
) -> None:
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb(service), uuidRepresentation="standard")
    database = client.get_default_database()
    database["database_identity"].insert_one({"_id": "incarnation"} | UNMARKED)
    incarnation = incarnation_of(database, database["notifications"])
    assert incarnation is not None
    database["database_identity"].delete_many({})
    for because in ("the first to see it", "the second"):
        incarnation.mark_set_back(because)
        assert incarnation.set_back_because() == "the first to see it"
    assert set(database["database_identity"].find_one() or {}) == {"_id", "id", *UNMARKED}
    client.close()


def test_only_what_lies_at_a_logs_end_is_compared(outbox: Outbox, orders: Numbering, start_relay: StartRelay) -> None:
    relay = start_relay(outbox).until_ready()
    for number in range(1, 4):
        orders.says("a", number, f"event {number}")
    until_delivered(outbox)
    relay.stop()
    orders.says("a", 4, "more")
    start_relay(outbox).until_ready()
    until_delivered(outbox)


def test_a_database_without_an_incarnation_is_served_as_before(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    orders = PostgresNumbering(service, postgres_outbox)
    relay = start_relay(postgres_outbox).until_ready()
    lost = orders.says("a", 1, "first")
    until_delivered(postgres_outbox)
    relay.stop()
    orders.is_set_back("a", 1, lost)
    postgres_outbox.session.execute("DROP TABLE incarnation")
    orders.says("a", 1, "again")
    start_relay(postgres_outbox).until_ready()
    until_delivered(postgres_outbox)
    assert broker.bodies(f"{service}.events") == ["first", "again"]


@OVER_BOTH
def test_the_message_that_tells_may_lie_before_many_others(
    postgres_outbox: PostgresOutbox, service: str, start_relay: StartRelay
) -> None:
    orders = PostgresNumbering(service, postgres_outbox)
    relay = start_relay(postgres_outbox, RELAY_BATCH_ROWS="20").until_ready()
    lost = orders.says("lost", 1, "lost")
    for number in range(1, 301):
        orders.says("a", number, f"event {number}")
    until_delivered(postgres_outbox)
    relay.stop()
    orders.is_set_back("lost", 1, lost)
    assert "of lost with sequence 1" in until_kept(start_relay(postgres_outbox))


def test_numbers_that_are_forgotten_with_what_has_ended_long_ago_are_not_missed(
    outbox: Outbox, orders: Numbering, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    """A log may still hold the last messages of its subject by chance."""
    relay = start_relay(outbox).until_ready()
    for sequence in (1, 2):
        orders.says("a", sequence, "long ago", at=datetime.now(UTC) - timedelta(days=61))
    until_delivered(outbox)
    relay.stop()
    if isinstance(outbox, PostgresOutbox):  # a document of MongoDB is its own number, and stays
        outbox.session.execute("DELETE FROM outbox_sequence WHERE subject = 'a'")
    orders.says("b", 1, "now")
    relay = start_relay(outbox).until_ready()
    until_delivered(outbox)
    assert (orders.marked_because(), relay.metric("outbox_relay_set_back")) == (None, 0)
    assert broker.bodies(f"{service}.events") == ["long ago", "long ago", "now"]
