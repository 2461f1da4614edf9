"""The consumer against a real broker: it finds its place again, whatever happened to the broker or to itself."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import amqp
import pytest
from kombu.connection import Connection

from infirmary.consumer.broker import READ_BYTES, Broker
from infirmary.consumer.loop import Consumer, Session
from infirmary.consumer.session import HELD_TURN_S
from infirmary.identifiers import new_id
from infirmary.messages import encode
from infirmary.observing.health import Heart
from infirmary.postgres.database import is_transient
from tests.eventually import eventually
from tests.integration.infirmary.conftest import COMMANDS, LOG, Add, Counting, Faults, Told
from tests.integration.infirmary.running import running
from tests.integration.infirmary.test_poisoned import poison


class Publisher:
    """Puts messages into the log and the queue, as a relay would, with confirms."""

    def __init__(self, url: str) -> None:
        self._connection = Connection(url, transport_options={"confirm_publish": True})
        self._asked: Counter[UUID] = Counter()
        self.channel: Any = self._connection.channel()

    def declare_log(self, *names: str) -> None:
        """Declares the log of events, or others."""
        for name in names or (LOG,):
            self.channel.queue_declare(name, durable=True, auto_delete=False, arguments={"x-queue-type": "stream"})

    def delete(self) -> None:
        """Deletes both logs."""
        for name in (LOG, COMMANDS):
            self.channel.queue_delete(name)

    def tell(self, counter: str, *numbers: int, log: str = LOG) -> None:
        """Publishes events of a counter; the sequence is the number."""
        for number in numbers:
            headers = {"subject": counter, "sequence": number}
            self._publish(log, "Told", encode(Told(counter=counter, number=number)), "ward", headers)

    def ask(self, saga_id: UUID, number: int, message_id: UUID | None = None) -> None:
        """Sends a command."""
        command = Add(
            saga_id=saga_id, step="step", attempt=1, reply_to="admission", counter=str(saga_id), number=number
        )
        self._asked[saga_id] += 1
        headers = {"subject": str(saga_id), "sequence": self._asked[saga_id]}
        self._publish(COMMANDS, "Add", encode(command), "admission", headers, message_id)

    def raw(self, queue: str, body: bytes, **properties: Any) -> None:
        """Publishes anything at all."""
        self.channel.basic_publish(amqp.Message(body, delivery_mode=2, **properties), routing_key=queue)

    def _publish(
        self, target: str, kind: str, body: bytes, source: str, headers: dict[str, Any], message_id: UUID | None = None
    ) -> None:
        self.raw(
            target, body, message_id=str(message_id or new_id()), type=kind, app_id=source, application_headers=headers
        )

    def close(self) -> None:
        """Disconnects."""
        self._connection.close()


@pytest.fixture
def publisher(rabbitmq_url: str) -> Iterator[Publisher]:
    """A publisher on a broker whose logs are empty."""
    publisher = Publisher(rabbitmq_url)
    publisher.delete()
    publisher.declare_log(LOG, COMMANDS)
    yield publisher
    publisher.delete()
    publisher.close()


@contextmanager
def consuming(counting: Counting, rabbitmq_url: str) -> Iterator[Heart]:
    """Runs the consumer in a thread, with connections of its own."""
    heart = Heart()

    def connect() -> Session:
        return counting.session(Broker(rabbitmq_url, "counting"))

    with running(Consumer(connect, is_transient, heart), ends_within_s=20):
        yield heart


def test_a_new_subscriber_fills_itself_from_the_logs_first_message(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.tell("a", *range(1, 251))
    with consuming(counting, rabbitmq_url) as heart:
        eventually(lambda: counting.numbers("a") == list(range(1, 251)), because="all events of the log are applied")
        assert heart.not_ready() is None


def test_a_batch_takes_what_is_there_and_no_more_and_messages_may_be_longer_than_a_read(
    publisher: Publisher, rabbitmq_url: str
) -> None:
    broker = Broker(rabbitmq_url, "counting")
    bodies = [bytes((number,)) * length for number, length in enumerate((1, 5, 3 * READ_BYTES, 300_000, 2, 1))]
    for body in bodies:
        publisher.raw(COMMANDS, body)
    subscription = broker.subscribe(COMMANDS, 100, "first")
    assert subscription is not None
    broker.wait(5)
    while len(subscription.waiting) < 3:
        broker.take_in(3 - len(subscription.waiting))
    assert len(subscription.waiting) == 3
    while len(subscription.waiting) < len(bodies):
        assert broker.wait(5)
    broker.take_in(100)
    assert [delivery.body for delivery in subscription.take(100)] == bodies
    broker.close()


def test_a_reader_goes_on_where_it_stopped(counting: Counting, publisher: Publisher, rabbitmq_url: str) -> None:
    publisher.tell("a", 1, 2, 3)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: counting.numbers("a") == [1, 2, 3], because="the first events are applied")
    publisher.tell("a", 4, 5)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: counting.numbers("a") == [1, 2, 3, 4, 5], because="the next events are applied")
    assert counting.rows("SELECT last_offset FROM log_reader WHERE log = %s", LOG) == [(4,)]


@pytest.mark.parametrize("events_in_the_new_log", [1, 5], ids=["shorter", "longer"])
def test_a_log_that_was_deleted_and_declared_again_is_read_from_its_beginning(
    counting: Counting, publisher: Publisher, rabbitmq_url: str, events_in_the_new_log: int
) -> None:
    publisher.tell("a", 1, 2, 3)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: counting.numbers("a") == [1, 2, 3], because="the old log is read")
    publisher.channel.queue_delete(LOG)
    publisher.declare_log()
    publisher.tell("a", 3)
    publisher.tell("b", *range(1, events_in_the_new_log))
    publisher.tell("a", 4)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: counting.numbers("a") == [1, 2, 3, 4], because="the new log is read, without the old event")
        assert counting.numbers("b") == list(range(1, events_in_the_new_log))


def test_a_log_that_is_missing_at_first_is_read_when_it_is_there(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.channel.queue_delete(LOG)
    saga_id = new_id()
    with consuming(counting, rabbitmq_url) as heart:
        eventually(lambda: heart.not_ready() is None, because="the consumer works without the log")
        publisher.ask(saga_id, 1)
        eventually(lambda: counting.numbers(saga_id) == [1], because="commands are applied meanwhile")
        publisher.declare_log()
        publisher.tell("a", 1)
        eventually(lambda: counting.numbers("a") == [1], because="the log is found")


def test_rubbish_in_any_log_is_parked_and_everything_else_flows_on(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    saga_id = new_id()
    with consuming(counting, rabbitmq_url) as heart:
        eventually(lambda: heart.not_ready() is None, because="the consumer works")
        for queue in (LOG, COMMANDS):
            publisher.raw(queue, b"")
            publisher.raw(queue, b"\xff\x00", message_id="x", content_encoding="utf-8", content_type="text/plain")
            publisher.raw(queue, b"{", type="Add", app_id="admission", application_headers={"subject": 7})
        publisher.tell("a", 1)
        publisher.ask(saga_id, 1)
        eventually(lambda: counting.numbers("a") == [1], because="the real event is applied")
        eventually(lambda: counting.numbers(saga_id) == [1], because="the real command is applied")
        eventually(lambda: len(counting.held()) == 6, because="all rubbish is parked")


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
    with consuming(counting, rabbitmq_url) as heart:
        eventually(lambda: heart.not_ready() is None, because="the consumer works")
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


def test_a_standby_takes_the_log_over(counting: Counting, publisher: Publisher, rabbitmq_url: str) -> None:
    publisher.tell("a", 1)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: counting.numbers("a") == [1], because="the first consumer reads")
        with consuming(counting, rabbitmq_url) as standby:
            eventually(lambda: standby.not_ready() is None, because="the standby is ready")
            active = counting.rows(
                """SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
            )
            assert len(active) == 1
            counting.rows("SELECT pg_terminate_backend(%s)", active[0][0])
            publisher.tell("a", 2, 3)
            eventually(lambda: counting.numbers("a") == [1, 2, 3], because="somebody reads on")


def test_an_idle_reader_keeps_its_log_and_notices_that_its_place_was_forgotten(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.tell("a", 1, 2)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: counting.numbers("a") == [1, 2], because="the log is read")
        counting.database.execute("TRUNCATE told, log_reader, log_sequence")
        eventually(lambda: counting.numbers("a") == [1, 2], because="the log is read from its beginning")


class Patient(Broker):
    """A broker that remembers for how long it was waited for."""

    waits: list[float]

    def wait(self, timeout_s: float) -> bool:
        """Waits, and notes it."""
        self.waits.append(timeout_s)
        return super().wait(timeout_s)


def test_a_consumer_with_nothing_else_to_do_goes_on_with_a_heap_that_fails_and_looks_for_new_work_in_between(
    counting: Counting, faults: Faults, publisher: Publisher, rabbitmq_url: str
) -> None:
    poison(counting, faults, 3000)
    broker = Patient(rabbitmq_url, "counting")
    broker.waits = []
    session = counting.session(broker)
    try:
        for _ in range(6):
            session.turn()
    finally:
        session.close()
    assert HELD_TURN_S in broker.waits[-4:]
    assert min(broker.waits) > 0
