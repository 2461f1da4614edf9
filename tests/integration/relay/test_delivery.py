"""Every message arrives, in the order of its subject, and is deleted only then: on either source."""

import pytest
from amqp.basic_message import Message as AmqpMessage

from infirmary_relay.headers.content_header import header_prefix
from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import SUBJECTS, events, everything, in_order_of_subject, until_delivered
from tests.integration.relay.outboxes import Message, Outbox


def test_what_is_written_arrives_once_and_in_order(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    outbox.write(events(service, 5))
    start_relay(outbox).until_ready()
    until_delivered(outbox)
    outbox.write(events(service, 5, first=6))
    until_delivered(outbox)
    bodies = broker.bodies(f"{service}.events")
    assert len(bodies) == len(set(bodies)) == 10 * len(SUBJECTS)
    assert in_order_of_subject(bodies) == everything(10)


def test_a_header_left_null_is_encoded_and_a_given_one_is_left_as_it_is(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    given = header_prefix(2) + AmqpMessage("", type="Given", message_id="x")._serialize_properties()
    log = f"{service}.events"
    outbox.write([Message(log, "p", 1, b"{}"), Message(log, "p", 2, b"{}", header=given)])
    start_relay(outbox)
    until_delivered(outbox)
    encoded, kept = broker.messages(log)
    assert encoded.properties["type"] == "Noted"
    assert encoded.properties["app_id"] == service
    assert encoded.properties["application_headers"]["subject"] == "p"
    assert encoded.properties["application_headers"]["sequence"] == 1
    assert encoded.properties["delivery_mode"] == 2
    assert kept.properties["type"] == "Given"
    assert "app_id" not in kept.properties


def test_large_bodies_and_empty_ones_arrive_whole(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    bodies = [b"a" * 300_000, b"", b"b" * 131_064, b"c" * 131_065, b"d", *[b"e" * 90_000] * 20]
    outbox.write([Message(f"{service}.events", "p", n, body) for n, body in enumerate(bodies, start=1)])
    start_relay(outbox)
    until_delivered(outbox)
    assert broker.bodies(f"{service}.events") == [body.decode() for body in bodies]


def test_a_missing_log_is_declared_when_its_first_message_comes(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    start_relay(outbox, RELAY_DECLARE="").until_ready()
    events_log, commands = f"{service}.events", f"{service}.to.ward.3"
    outbox.write([Message(events_log, "p", 1, b"event"), Message(commands, "p", 1, b"command")])
    until_delivered(outbox)
    assert (broker.bodies(events_log), broker.bodies(commands)) == (["event"], ["command"])


def test_a_log_deleted_while_it_is_empty_costs_nothing(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(outbox).until_ready()
    broker.delete(f"{service}.events")
    outbox.write(events(service, 3))
    until_delivered(outbox)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(3)
    eventually(lambda: relay.reasons() == "", because="it is ready again")
    assert relay.metric("outbox_relay_returned_total") > 0


def test_a_target_that_cannot_be_declared_waits_and_holds_up_nothing_else(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(outbox).until_ready()
    outbox.write([Message(f"{service}.nowhere", "p", None, b"waits"), Message(f"{service}.events", "q", 1, b"flows")])
    eventually(lambda: broker.bodies(f"{service}.events") == ["flows"], because="the log flows on")
    eventually(lambda: f"{service}.nowhere" in relay.reasons(), because="it says what is missing")
    assert outbox.waiting() == 1
    broker.declare(f"{service}.nowhere")
    until_delivered(outbox, within_s=3)
    eventually(lambda: relay.reasons() == "", because="it is ready again")
    assert broker.bodies(f"{service}.nowhere", stream=False) == ["waits"]


def test_what_a_full_queue_refuses_waits_until_it_has_room(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    full = f"{service}.full"
    broker.declare(full, **{"x-max-length": 1, "x-overflow": "reject-publish"})
    relay = start_relay(outbox).until_ready()
    outbox.write([Message(full, "p", None, str(number).encode()) for number in range(4)])
    eventually(lambda: "refuses" in relay.reasons(), because="it says who refuses")
    received: list[str] = []

    def take() -> bool:
        received.extend(broker.bodies(full, stream=False))
        return len(received) >= 4

    eventually(take, because="all came")
    assert sorted(set(received)) == ["0", "1", "2", "3"]
    until_delivered(outbox)


@pytest.mark.parametrize("reason", ["the broker closes the channel", "it cannot be put on the wire"])
def test_a_message_that_the_broker_cannot_stand_is_found_and_held_back_alone(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay, reason: str
) -> None:
    size = 6 if reason == "the broker closes the channel" else 5
    poison = header_prefix(size) + AmqpMessage("", expiration="never")._serialize_properties()
    poisoned = Message(f"{service}.events", "poisoned", 1, b"poison", header=poison)
    outbox.write([*events(service, 2), poisoned, *events(service, 2, first=3)])
    # By the stream protocol a broker takes whatever is well made.
    by_amqp = {"RABBITMQ_STREAM_PORT": "0"} if size == 6 else {}
    relay = start_relay(outbox, **by_amqp)
    eventually(lambda: outbox.waiting() == 1, because="everything else flows on", within_s=30)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(4)
    words = "PRECONDITION_FAILED" if size == 6 else "does not announce"
    eventually(lambda: "poisoned" in relay.reasons() and words in relay.reasons(), because="it says who and why")
