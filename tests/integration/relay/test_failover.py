"""A standby takes over: one that lacks the last commits is noticed, and of one that has them all nothing is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import until_delivered
from tests.integration.relay.numbering import PostgresNumbering
from tests.integration.relay.outboxes import PostgresOutbox
from tests.integration.relay.standby import Replicated


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Replicated]:
    pair = Replicated(tmp_path)
    yield pair
    pair.stop()


def told(broker: Broker, log: str) -> list[tuple[int, str]]:
    """Returns the sequences in a log and what the messages say."""
    found = broker.messages(log)
    return [
        (
            int(message.properties["application_headers"]["sequence"]),
            message.body if isinstance(message.body, str) else message.body.decode(),
        )
        for message in found
    ]


def test_what_an_asynchronous_standby_lacks_is_noticed_and_no_number_is_given_to_two_messages(
    pair: Replicated, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    log, before = f"{service}.events", PostgresOutbox(pair.url)
    relay, orders = start_relay(before).until_ready(), PostgresNumbering(service, before)
    orders.says("a", 1, "first")
    until_delivered(before)
    eventually(pair.standby_has_everything, because="the standby follows")
    pair.cut_off_the_standby()
    orders.says("a", 2, "committed, published, and lost")
    until_delivered(before)
    before.close()
    pair.fail_over()
    after = PostgresOutbox(pair.url)
    orders = PostgresNumbering(service, after)
    orders.says("a", 2, "given out again")
    eventually(lambda: f"set back to an earlier moment: {log} holds" in relay.reasons(), because="it is noticed")
    assert "of a with sequence 2" in (orders.marked_because() or "")
    both = [(1, "first"), (2, "committed, published, and lost")]
    eventually(lambda: told(broker, log) == both, because="the log holds what was published before, and no more")
    after.session.execute("DELETE FROM outbox")
    orders.is_mended("a", 3, orders.says("a", 3, "with a number of its own"))
    until_delivered(after)
    mended = [*both, (3, "with a number of its own")]
    eventually(lambda: told(broker, log) == mended, because="it goes on behind what was published before")
    after.close()


def test_of_a_synchronous_standby_nothing_is_lost_and_the_relay_goes_on(
    pair: Replicated, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    pair.waits_for_the_standby()
    log, before = f"{service}.events", PostgresOutbox(pair.url)
    relay, orders = start_relay(before).until_ready(), PostgresNumbering(service, before)
    for number in range(1, 21):
        orders.says("a", number, f"event {number}")
    before.close()
    pair.fail_over()
    after = PostgresOutbox(pair.url)
    orders = PostgresNumbering(service, after)
    orders.says("a", 21, "event 21")
    until_delivered(after)
    everything = [(number, f"event {number}") for number in range(1, 22)]
    eventually(lambda: sorted(set(told(broker, log))) == everything, because="nothing is lost")
    assert orders.marked_because() is None
    assert relay.until_ready().metric("outbox_relay_set_back") == 0
    after.close()
