"""The broker's side of a consumer: one connection, a channel per log and one for the inbox queue."""

from collections import deque
from typing import Any, Final

from amqp import method_framing
from amqp.basic_message import Message
from amqp.exceptions import AMQPError, NotFound
from kombu.connection import Connection

from services.chassis.consumer.delivery import Delivery

HEARTBEAT_S: Final = 10
QUIET_SOCKET = (TimeoutError, BlockingIOError)
BROKER_ERRORS: Final[tuple[type[Exception], ...]] = (AMQPError, OSError)
"""What a lost or refused connection, channel or consumer raises."""

READ_BYTES: Final = 8192
"""How much is read from the socket at once. What is left over is copied at each step, so more would be slower."""

OFFSET_HEADER: Final = "x-stream-offset"
UNDECODABLE: Final = "undecodable"
_OFFSET_KEY: Final = b"\x0fx-stream-offsetl"

INBOX_ARGUMENTS: Final[dict[str, Any]] = {"x-queue-type": "quorum", "x-single-active-consumer": True}


class _TolerantMessage(Message):  # type: ignore[misc]  # py-amqp has no types
    """A message whose properties are kept as they are when they cannot be decoded.

    py-amqp would raise in the middle of reading the socket, for every process that the message is delivered to.
    """

    def _load_properties(self, class_id: int, buf: Any, offset: int) -> int:
        try:
            end: int = super()._load_properties(class_id, buf, offset)
        except Exception:  # whatever a hostile sender makes it raise
            raw = bytes(buf[offset:])
            self.properties = {UNDECODABLE: raw.hex(), "application_headers": _stream_offset(raw)}
            return len(buf)
        return end


method_framing.Message = _TolerantMessage


def _read_more_at_once(transport: Any) -> None:
    """Lets py-amqp, which keeps what it reads too much, ask the socket once for what it would ask for in 9 parts."""
    receive = transport._quick_recv
    transport._quick_recv = lambda wanted: receive(max(wanted, READ_BYTES))


def _stream_offset(raw: bytes) -> dict[str, int]:
    """Returns the header that the broker puts in front of a log's message, read from bytes that are no table."""
    at = raw.find(_OFFSET_KEY)
    value = raw[at + len(_OFFSET_KEY) :][:8]
    return {OFFSET_HEADER: int.from_bytes(value, "big")} if at >= 0 and len(value) == 8 else {}


class Subscription:
    """Deliveries of one queue or log that are not acknowledged yet."""

    def __init__(self, channel: Any, queue: str, prefetch: int, offset: int | str | None) -> None:
        """Starts consuming.

        Args:
            channel: A channel of its own.
            queue: The queue's or log's name.
            prefetch: How many unacknowledged deliveries the broker sends ahead.
            offset: Where to start in a log (`first`, `last` or a number); None for a queue.

        Raises:
            amqp.NotFound: There is no such queue.
        """
        self._channel = channel
        self.waiting: deque[Delivery] = deque()
        channel.auto_decode = False
        channel.basic_qos(0, prefetch, False)
        arguments = {} if offset is None else {OFFSET_HEADER: offset}
        self._consumer = channel.basic_consume(queue, callback=self._deliver, arguments=arguments)

    def take(self, at_most: int) -> list[Delivery]:
        """Returns the next deliveries, without waiting for more."""
        return [self.waiting.popleft() for _ in range(min(at_most, len(self.waiting)))]

    def acknowledge(self, last: Delivery) -> None:
        """Acknowledges everything up to and including a delivery."""
        self._channel.basic_ack(last.tag, multiple=True)

    def close(self) -> None:
        """Stops reading a log; what was not acknowledged stays in its place, as everything in a log does."""
        self._channel.basic_cancel(self._consumer)  # py-amqp complains of each delivery to a channel that it closes
        self._channel.close()

    def _deliver(self, message: Any) -> None:
        headers = message.properties.get("application_headers") or {}
        body = message.body if isinstance(message.body, bytes) else str(message.body).encode()
        self.waiting.append(Delivery(message.properties, body, message.delivery_tag, headers.get(OFFSET_HEADER)))


class Broker:
    """A connection to RabbitMQ.

    Attributes:
        times_emptied: How often everything that had come was taken in.
    """

    def __init__(self, url: str, name: str) -> None:
        """Connects.

        Raises:
            OSError, amqp.AMQPError: The broker does not answer or refuses.
        """
        self._connection = Connection(
            url,
            heartbeat=HEARTBEAT_S,
            connect_timeout=5,
            transport_options={"client_properties": {"connection_name": name}},
        )
        self._connection.connect()
        _read_more_at_once(self._connection.connection.transport)
        self.times_emptied = 0

    def subscribe(self, queue: str, prefetch: int, offset: int | str | None = None) -> Subscription | None:
        """Starts consuming; returns None when there is no such queue or log yet."""
        channel = self._connection.channel()
        try:
            return Subscription(channel, queue, prefetch, offset)
        except NotFound:
            return None

    def exists(self, name: str) -> bool:
        """Says whether there is such a queue or log."""
        try:
            with self._connection.channel() as channel:
                channel.queue_declare(name, passive=True)
        except NotFound:
            return False
        return True

    def declare_inbox(self, queue: str) -> None:
        """Declares an inbox queue, unless there is one: an operator may have given it other limits."""
        try:
            with self._connection.channel() as channel:
                channel.queue_declare(queue, passive=True)
        except NotFound:
            with self._connection.channel() as channel:
                channel.queue_declare(queue, durable=True, auto_delete=False, arguments=self._inbox_arguments())

    def wait(self, timeout_s: float) -> bool:
        """Takes in what the broker sends next; returns whether something came in time."""
        try:
            self._connection.drain_events(timeout=timeout_s)
        except QUIET_SOCKET:
            self.times_emptied += 1
            return False
        return True

    def take_in(self, at_most: int) -> None:
        """Takes in what the broker has sent already, without waiting, up to so many messages."""
        connection = self._connection.connection
        try:
            with connection.transport.having_timeout(0):
                for _ in range(at_most):
                    connection.drain_events()
        except QUIET_SOCKET:
            self.times_emptied += 1

    def heartbeat(self) -> None:
        """Tells the broker that this process lives, and finds out whether the broker does.

        Raises:
            amqp.ConnectionForced: The broker has been silent for two heartbeats.
        """
        self._connection.heartbeat_check()

    def close(self) -> None:
        """Closes the connection, politely if it still stands."""
        try:
            self._connection.close()
        except BROKER_ERRORS:
            self._connection.collapse()

    def _inbox_arguments(self) -> dict[str, Any]:
        properties = self._connection.connection.server_properties
        major = int(str(properties.get("version", "0")).split(".")[0])
        # From 4.0 on a quorum queue drops a message after 20 deliveries, which an outage of the database uses up in
        # seconds.
        return INBOX_ARGUMENTS | ({"x-delivery-limit": -1} if major >= 4 else {})
