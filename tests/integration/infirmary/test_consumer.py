"""The consumer against a real broker: long messages, properties that nobody can decode, a heap that fails."""

from contextlib import suppress
from typing import Any

import amqp
import pytest

from infirmary.consumer.delivery import Delivery
from infirmary.consumer.log_broker import LogBroker
from infirmary.consumer.py_amqp import READ_BYTES
from infirmary.consumer.session import HELD_TURN_S
from infirmary.identifiers import new_id
from tests.eventually import eventually
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import COMMANDS, LOG, Faults
from tests.integration.infirmary.publisher import Publisher, consuming, publisher
from tests.integration.infirmary.test_poisoned import poison
from tests.integration.reading import brokers, connected

__all__ = ["publisher"]


def test_a_batch_takes_what_is_there_and_no_more_and_messages_may_be_longer_than_a_read(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    broker = connected(rabbitmq_url, counting.reading_port)
    bodies = [bytes((number,)) * length for number, length in enumerate((1, 5, 3 * READ_BYTES, 300_000, 2, 1))]
    for body in bodies:
        publisher.raw(COMMANDS, body)
    subscription = broker.subscribe(COMMANDS, 100, "first")
    assert subscription is not None
    taken: list[Delivery] = []
    while len(taken) < len(bodies):
        assert subscription.waiting or broker.wait(5)
        broker.take_in(3 - subscription.waiting)
        assert subscription.waiting <= 3 or counting.reading_port, "chunks are as long as they are"
        taken += subscription.take(3)
        subscription.acknowledge(taken[-1])
    assert [delivery.body for delivery in taken] == bodies
    assert [delivery.offset for delivery in taken] == list(range(len(bodies)))
    broker.close()


HOSTILE: list[dict[str, Any]] = [
    {"type": "Told\ud800"},
    {"application_headers": {"subject": "a", "sequence": 2**62, "odd": "\ud800"}},
    {"application_headers": {"subject": "\x00", "x": [{"y": ["\x00", None, True, 1.5]}]}},
    {"application_headers": {"deep": [[[[[[[[[[[["bottom"]]]]]]]]]]]]}},
    {"application_headers": {"long": "x" * 100_000}},
    {"application_headers": {"subject": "a", "x-stream-offset": 1 << 40}},
    {"application_headers": {"subject": "a", "x-stream-offset": "first"}},
]
LIKE_AN_OFFSET = b"\x0fx-stream-offsetl" + (1 << 40).to_bytes(8, "big")


@pytest.mark.parametrize("target", [LOG, COMMANDS])
def test_properties_that_nobody_can_decode_or_store_are_parked_and_everything_else_flows_on(
    counting: Counting, publisher: Publisher, rabbitmq_url: str, target: str
) -> None:
    saga_id = new_id()
    with consuming(counting, rabbitmq_url) as liveness:
        eventually(lambda: liveness.not_ready() is None, because="the consumer works")
        for properties in HOSTILE:
            with suppress(UnicodeEncodeError):
                publisher.raw(target, b"{}", **properties)
        for message_id in (b"\xff\xfe not UTF-8", b"\xff" + LIKE_AN_OFFSET):
            publisher.channel.basic_publish(RawProperties(message_id), routing_key=target)
        publisher.tell("a", 1)
        publisher.ask(saga_id, 1)
        eventually(lambda: counting.numbers("a") == [1], because="the real event is applied")
        eventually(lambda: counting.numbers(saga_id) == [1], because="the real command is applied")
        publisher.tell("a", 2)
        eventually(lambda: counting.numbers("a") == [1, 2], because="the reader goes on behind what it parked")
    parked = counting.rows("SELECT properties FROM parked_message")
    assert len(parked) >= 8
    if not counting.reading_port:  # AMQP 1.0 says how long everything is, so that nothing is lost with it
        assert any("undecodable" in properties for (properties,) in parked)


class RawProperties(amqp.Message):  # type: ignore[misc]
    """A message whose message_id is not text at all, behind a content type that reads like a place in a log."""

    def __init__(self, message_id: bytes) -> None:
        super().__init__(b"{}")
        self._message_id = message_id

    def _serialize_properties(self) -> bytes:
        has_content_type_and_message_id = 0x8080
        texts = b"".join(bytes((len(each),)) + each for each in (LIKE_AN_OFFSET, self._message_id))
        return has_content_type_and_message_id.to_bytes(2, "big") + texts


def noting_waits(broker: LogBroker, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a broker remember for how long it was waited for."""
    wait = broker.wait

    def note(timeout_s: float) -> bool:
        waits.append(timeout_s)
        return wait(timeout_s)

    monkeypatch.setattr(broker, "wait", note)


def test_a_consumer_with_nothing_else_to_do_goes_on_with_a_heap_that_fails_and_looks_for_new_work_in_between(
    counting: Counting, faults: Faults, publisher: Publisher, rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison(counting, faults, 3000)
    by_amqp, by_streams = brokers(rabbitmq_url, counting.reading_port)
    waits: list[float] = []
    noting_waits(by_streams or by_amqp, waits, monkeypatch)
    session = counting.session((by_amqp, by_streams))
    try:
        for _ in range(6):
            session.turn()
    finally:
        session.close()
    waits = [each for each in waits if each or not counting.reading_port]  # there nought is to take in what came
    assert HELD_TURN_S in waits[-4:]
    assert min(waits) > 0
