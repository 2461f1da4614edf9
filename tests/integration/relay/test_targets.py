"""A target that is not what its name says stops only what goes to it, and takes nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.servers.rabbitmq import RabbitMQServer
from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import OVER_BOTH, StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject, until_delivered
from tests.integration.relay.outboxes import Message, MongoOutbox, PostgresOutbox

QUORUM, STREAM, CLASSIC = {"x-queue-type": "quorum"}, {"x-queue-type": "stream"}, {"x-queue-type": "classic"}


@OVER_BOTH
@pytest.mark.parametrize(
    ("name", "arguments"),
    [(".events.1", QUORUM), (".events.3", CLASSIC), (".events.2", {"x-max-length": 5}), (".to.ward", QUORUM)],
)
def test_a_target_of_another_kind_takes_nothing_and_stops_nothing_else(
    postgres_outbox: PostgresOutbox,
    broker: Broker,
    service: str,
    relay_port: int,
    start_relay: StartRelay,
    name: str,
    arguments: dict[str, str],
) -> None:
    strange = service + name
    broker.declare(strange, **arguments)
    relay = start_relay(postgres_outbox).until_ready()
    postgres_outbox.write([Message(strange, "p", 1, b"waits"), *events(service, 3)])
    eventually(lambda: postgres_outbox.waiting() == 1, because="all others have gone")
    eventually(
        lambda: f"target {strange}: {strange} is not what its name says" in relay.reasons(), because="it says so"
    )
    assert ("it exists, and is no log" if relay_port else "x-queue-type") in relay.reasons()
    eventually(lambda: relay.metric('outbox_relay_blocked{kind="target"}') == 1, because="it is counted")
    assert broker.count(strange) == 0
    broker.delete(strange)
    until_delivered(postgres_outbox, within_s=5)
    eventually(lambda: relay.reasons() == "", because="it is ready again")


@OVER_BOTH
def test_the_services_own_log_is_looked_at_before_anything_is_poured_into_it(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    log = f"{service}.events"
    broker.declare(log, **QUORUM)
    relay = start_relay(postgres_outbox)
    postgres_outbox.write(events(service, 2))
    eventually(lambda: "is not what its name says" in relay.reasons(), because="it says so")
    assert (broker.count(log), relay.get("/healthz")[0]) == (0, 200)
    broker.delete(log)
    until_delivered(postgres_outbox)
    assert in_order_of_subject(broker.bodies(log)) == everything(2)


@OVER_BOTH
def test_a_log_that_is_kept_longer_or_shorter_is_a_log(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    log = f"{service}.events"
    others = {"x-max-age": "7D", "x-max-length-bytes": 5_000_000, "x-stream-max-segment-size-bytes": 1_000_000}
    broker.declare(log, **STREAM, **others)
    start_relay(postgres_outbox).until_ready()
    postgres_outbox.write(events(service, 2))
    until_delivered(postgres_outbox)
    assert in_order_of_subject(broker.bodies(log)) == everything(2)


@OVER_BOTH
def test_events_that_are_older_than_their_own_age_are_forgotten_in_small_pieces(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    log, commands = f"{service}.events", f"{service}.to.peer"
    small = {"RELAY_EVENTS_MAX_AGE": "1s", "RELAY_EVENTS_SEGMENT_BYTES": "10000"}
    start_relay(postgres_outbox, **small).until_ready()
    postgres_outbox.write([*events(service, 2), Message(commands, "p", 1, b"command")])
    until_delivered(postgres_outbox)
    oldest = broker.bodies(log)[0]

    def is_forgotten() -> bool:
        postgres_outbox.write([Message(log, "padding", None, b"x" * 6_000)])
        until_delivered(postgres_outbox)
        return oldest not in broker.bodies(log)

    eventually(is_forgotten, because="newer files are begun, and the old one is older than a second", within_s=30)
    assert broker.bodies(commands) == ["command"]


def test_a_backoff_ends_when_its_row_has_gone(
    postgres_outbox: PostgresOutbox, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(postgres_outbox).until_ready()
    postgres_outbox.write([Message("nobody.queue", "p", None, b"stray")])
    eventually(lambda: "nobody.queue" in relay.reasons(), because="it says what is missing")
    postgres_outbox.session.execute("DELETE FROM outbox")
    eventually(lambda: relay.reasons() == "", because="nothing is held back any more", within_s=5)


@OVER_BOTH
def test_a_service_with_a_digit_and_a_hyphen_has_the_rights_it_needs_and_no_others(
    postgres_outbox: PostgresOutbox, relay_port: int, start_relay: StartRelay, tmp_path: Path
) -> None:
    with RabbitMQServer(tmp_path / "rabbitmq", users={"ward-2": []}) as server:
        broker = Broker(server.url)
        port = server.stream_port if relay_port else 0
        where = {"RABBITMQ_URL": server.url_of("ward-2"), "RABBITMQ_STREAM_PORT": str(port)}
        relay = start_relay(postgres_outbox, service="ward-2", **where).until_ready()
        postgres_outbox.write([*events("ward-2", 2), Message("ward-2.to.lab-7", "p", 1, b"command")])
        until_delivered(postgres_outbox)
        assert in_order_of_subject(broker.bodies("ward-2.events")) == everything(2)
        assert broker.bodies("ward-2.to.lab-7") == ["command"]
        said = (tmp_path / "relay.log").read_text()
        assert ("access refused" if port else "ACCESS_REFUSED") not in said
        assert relay.reasons() == ""
        broker.declare("lab.inbox")
        postgres_outbox.write([Message("lab.inbox", "q", 1, b"refused"), *events("ward-2", 1, first=3)])
        why = "target lab.inbox: lab.inbox cannot be written: ACCESS_REFUSED"
        eventually(lambda: why in relay.reasons(), because="the broker lets it send to no queue, and it says so")
        assert "access to exchange 'amq.default'" in relay.reasons()
        eventually(lambda: postgres_outbox.waiting() == 1, because="all others have gone")
        assert broker.count("lab.inbox") == 0


def test_two_hospitals_on_one_virtual_host_are_noticed(
    postgres_outbox: PostgresOutbox,
    broker: Broker,
    service: str,
    start_relay: StartRelay,
    mongodb: Callable[[str], str],
) -> None:
    first = start_relay(postgres_outbox).until_ready()
    other = MongoOutbox(mongodb(service))
    second = start_relay(other)
    eventually(lambda: f"this virtual host belongs to another {service}" in second.reasons(), because="it says so")
    (identity,) = postgres_outbox.session.execute(IDENTITY).fetchall()[0]
    assert f"{service}.owner.{identity}" in second.reasons()
    assert second.get("/healthz")[0] == 200
    other.write(events(service, 2))
    postgres_outbox.write(events(service, 3))
    until_delivered(postgres_outbox)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(3)
    assert (other.waiting(), first.reasons()) == (14, "")
    other.close()


IDENTITY = """
SELECT system_identifier || '.' || (SELECT oid FROM pg_database WHERE datname = current_database())
FROM pg_control_system()
"""
