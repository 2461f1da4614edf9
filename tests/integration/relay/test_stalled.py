"""A relay that lives and gets nowhere says so, and is restarted; what a restart would not help is something else."""

import signal
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.chaos.proxy import Proxy
from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject, until_delivered
from tests.integration.relay.mute_broker import MuteBroker, MuteQueues, MuteStreams
from tests.integration.relay.outboxes import Message, Outbox, PostgresOutbox
from tests.integration.relay.process import RelayProcess

SOON = {"RELAY_STALLED_AFTER_S": "1", "RELAY_RESTART_WHEN_STALLED_S": "0"}
MEASURED, OLDEST, SINCE, TURNED = (
    f"outbox_relay_{name}_timestamp_seconds" for name in ("measured", "oldest", "stalled_since", "turned")
)
STALLED = 'outbox_relay_not_ready{reason="stalled"}'


@pytest.fixture
def mute(broker: Broker, relay_port: int) -> Iterator[MuteBroker]:
    """Before the listener by which the test's logs go."""
    with MuteStreams(broker) if relay_port else MuteQueues(broker) as proxy:
        yield proxy


@pytest.fixture
def road(postgres_outbox: PostgresOutbox) -> Iterator[Proxy]:
    """The way to the database."""
    with Proxy(urlsplit(postgres_outbox.url).port or 5432) as proxy:
        yield proxy


def measured_twice(relay: RelayProcess) -> Callable[[], bool]:
    """Tells when so much time has passed that a relay which gets nowhere would have been found out."""
    begun = relay.metric(MEASURED) or time.time()
    return lambda: relay.metric(MEASURED) > begun + 8


def test_a_relay_whose_messages_are_never_confirmed_says_so_and_is_restarted_later(
    outbox: Outbox, broker: Broker, mute: MuteBroker, service: str, start_relay: StartRelay
) -> None:
    settings = {"RELAY_STALLED_AFTER_S": "1", "RELAY_RESTART_WHEN_STALLED_S": "6"}
    relay = start_relay(outbox, **mute.settings(broker), **settings).until_ready()
    began = time.time()
    outbox.write(events(service, 2))
    eventually(lambda: relay.metric(STALLED) == 1, because="it says so", within_s=15)
    assert "stalled: messages could be delivered, and none was confirmed since" in relay.reasons()
    assert relay.get("/healthz")[0] == 200, "that comes later"
    eventually(lambda: began < relay.metric(SINCE) < time.time(), because="since when, too")
    eventually(lambda: relay.get("/healthz") == (503, '{"status": "stalled"}'), because="it is to be restarted")
    mute.speak()
    until_delivered(outbox)
    eventually(lambda: relay.reasons() == "" and relay.metric(SINCE) == 0, because="it goes on")
    assert relay.get("/healthz")[0] == 200
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(2)


def test_a_source_that_goes_away_is_away_and_not_stalled_and_what_waits_grows_old(
    postgres_outbox: PostgresOutbox,
    broker: Broker,
    road: Proxy,
    mute: MuteBroker,
    service: str,
    start_relay: StartRelay,
) -> None:
    where = {"DATABASE_URL": road.url(postgres_outbox.relay_url), **mute.settings(broker)}
    settings = {"RELAY_STALLED_AFTER_S": "1", "RELAY_RESTART_WHEN_STALLED_S": "1"}
    relay = start_relay(postgres_outbox, **where, **settings).until_ready()
    postgres_outbox.write(events(service, 1))
    eventually(lambda: relay.metric(SINCE) > 0, because="it is stalled", within_s=15)
    oldest = relay.metric(OLDEST)
    road.cut()
    eventually(lambda: relay.metric(SINCE) == 0, because="it could do nothing now", within_s=20)
    assert relay.metric('outbox_relay_not_ready{reason="source_away"}') == 1
    assert relay.metric(STALLED) == 0
    assert relay.get("/healthz")[0] == 200
    assert 0 < oldest == relay.metric(OLDEST), "the time at which it was written remains"
    assert relay.metric(MEASURED) < time.time() - 5, "and it is said that nobody has looked since"
    road.restore()
    mute.speak()
    until_delivered(postgres_outbox)


def test_what_is_held_back_is_not_stalled(outbox: Outbox, service: str, start_relay: StartRelay) -> None:
    relay = start_relay(outbox, **SOON).until_ready()
    outbox.write([Message("nowhere", f"s{number}", 1, b"{}") for number in range(3)])
    # More than a database is told to leave out.
    outbox.write([Message(f"{service}.events", f"odd {number}", 1, b"{}", header=b"") for number in range(30)])
    eventually(lambda: relay.metric('outbox_relay_blocked{kind="subject"}') == 30, because="all are held back")
    eventually(measured_twice(relay), because="it is looked at more than once", within_s=20)
    assert relay.metric(SINCE) == 0
    assert "stalled" not in relay.reasons()


def test_rows_that_were_sent_and_are_locked_are_not_stalled(
    postgres_outbox: PostgresOutbox, service: str, start_relay: StartRelay
) -> None:
    postgres_outbox.write([Message(f"{service}.to.ward", "p", 1, b"locked")])
    with psycopg.connect(postgres_outbox.url) as holder:
        holder.execute("SELECT FROM outbox FOR UPDATE")
        relay = start_relay(postgres_outbox, **SOON).until_ready()
        eventually(lambda: "another session has locked them" in relay.reasons(), because="it says so")
        eventually(measured_twice(relay), because="it is looked at more than once", within_s=20)
        assert relay.metric('outbox_relay_not_ready{reason="locked"}') == 1
        assert relay.metric(SINCE) == 0


def test_a_relay_that_was_stopped_was_not_stalled_and_its_timestamps_show_it(
    postgres_outbox: PostgresOutbox, service: str, start_relay: StartRelay
) -> None:
    settings = {"RELAY_STALLED_AFTER_S": "2", "RELAY_RESTART_WHEN_STALLED_S": "2"}
    relay = start_relay(postgres_outbox, **settings).until_ready()
    eventually(lambda: relay.metric(TURNED) > 0, because="it turns")
    turned = relay.metric(TURNED)
    relay.send(signal.SIGSTOP)
    postgres_outbox.write(events(service, 1))
    stopped_at = time.monotonic()
    eventually(lambda: time.monotonic() - stopped_at > 4, because="it could be taken for stalled")
    assert relay.get("/metrics")[0] == 0, "nobody answers"
    relay.send(signal.SIGCONT)
    until_delivered(postgres_outbox)
    assert relay.metric(SINCE) == 0
    assert relay.get("/healthz")[0] == 200
    eventually(lambda: relay.metric(TURNED) > turned + 4, because="it turns again")
