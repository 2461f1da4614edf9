"""Puts messages straight into logs, as no service would, and takes logs away."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

import amqp
from amqp.exceptions import MessageNacked

from audit.log_parts import writer_of
from tests.chaos.injected import LONG_AGO
from tests.eventually import eventually

PERSISTENT = 2
QUIET_S = 0.3
TAKEN_WITHIN_S = 10.0


class Post:
    """A connection to the broker, as its administrator."""

    def __init__(self, rabbitmq_url: str, ca_file: str | None = None) -> None:
        """Connects.

        Args:
            rabbitmq_url: The broker's.
            ca_file: The certificates to trust for amqps.

        Raises:
            OSError, amqp.AMQPError: The broker is away.
        """
        self._url, self._ca_file = rabbitmq_url, ca_file
        self._connection = _connected(rabbitmq_url, ca_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError, amqp.AMQPError):
            self._connection.close()

    def event(
        self,
        publisher: str,
        subject: str,
        sequence: int,
        *,
        message_id: UUID | None = None,
        kind: str = "Noted",
        body: Mapping[str, object] | bytes = b"{}",
    ) -> UUID:
        """Puts an event into a publisher's log, and returns its message id."""
        headers = {"subject": subject, "sequence": sequence}
        return self.put(f"{publisher}.events", publisher, kind, headers, body, message_id)

    def command(
        self,
        log: str,
        kind: str,
        saga_id: str,
        sequence: int,
        body: Mapping[str, object] | bytes,
        message_id: UUID | None = None,
    ) -> UUID:
        """Puts a command or a reply into a log of them, as its writer, and returns its message id."""
        headers = {"subject": saga_id, "sequence": sequence}
        return self.put(log, writer_of(log), kind, headers, body, message_id)

    def put(
        self,
        target: str,
        source: str,
        kind: str,
        headers: Mapping[str, object],
        body: Mapping[str, object] | bytes,
        message_id: UUID | None = None,
    ) -> UUID:
        """Puts any message anywhere, waits for its confirm, and returns its id."""
        message_id = message_id or uuid4()
        message = amqp.Message(
            body if isinstance(body, bytes) else json.dumps(body, default=str).encode(),
            content_type="application/json",
            delivery_mode=PERSISTENT,
            message_id=str(message_id),
            type=kind,
            app_id=source,
            application_headers={"time": LONG_AGO.isoformat(), **headers},
        )
        self.deliver(target, message)
        return message_id

    def deliver(self, target: str, message: Any) -> None:
        """Puts a message anywhere as it is, and waits for its confirm."""
        eventually(lambda: self._is_taken(target, message), because=f"{target} takes it", within_s=TAKEN_WITHIN_S)

    def _is_taken(self, target: str, message: Any) -> bool:
        """Publishes; False when the broker refused: what was just declared may be seen before it has a leader.

        It refuses that one message, or fails over it and ends the connection.
        """
        try:
            with self._channel() as channel:
                channel.basic_publish(message, routing_key=target, mandatory=True)
        except MessageNacked:
            return False
        except amqp.InternalError:
            self._connection = _connected(self._url, self._ca_file)
            return False
        return True

    def read(self, log: str, start: str, at_most: int) -> list[Any]:
        """Returns messages of a log as they are.

        Args:
            log: Its name.
            start: `first`, or `last` for the last few.
            at_most: How many.
        """
        found: list[Any] = []
        with self._channel() as channel, contextlib.suppress(TimeoutError):
            channel.basic_qos(0, at_most, False)
            channel.basic_consume(log, callback=found.append, arguments={"x-stream-offset": start})
            while len(found) < at_most:
                self._connection.drain_events(timeout=QUIET_S)
        return found[:at_most]

    def repeat(self, target: str, message: Any) -> None:
        """Puts a message that was read somewhere once more, under the same id."""
        headers = {**message.properties["application_headers"], "time": LONG_AGO.isoformat()}
        headers.pop("x-stream-offset", None)
        again = amqp.Message(message.body, **{**message.properties, "application_headers": headers})
        self.deliver(target, again)

    def declare_log(self, log: str) -> None:
        """Makes a log, unless it is there."""
        with self._channel() as channel:
            channel.queue_declare(log, durable=True, auto_delete=False, arguments={"x-queue-type": "stream"})

    def declare_queue(self, name: str) -> None:
        """Makes an ordinary queue, whatever its name says."""
        with self._channel() as channel:
            channel.queue_declare(name, durable=True, auto_delete=False, arguments={"x-queue-type": "classic"})

    def delete(self, target: str) -> None:
        """Takes a queue or log away, with all that is in it."""
        with self._channel() as channel:
            channel.queue_delete(target)

    def disown(self, service: str) -> None:
        """Makes the virtual host nobody's, for another database of the service."""
        with self._channel() as channel:
            channel.exchange_delete(f"{service}.owner")

    def length(self, target: str) -> int | None:
        """Returns how many messages are ready in a queue or kept in a log; None when there is no such thing."""
        with contextlib.suppress(amqp.NotFound), self._channel() as channel:
            return int(channel.queue_declare(target, passive=True).message_count)
        return None

    @contextlib.contextmanager
    def _channel(self) -> Iterator[Any]:
        channel = self._connection.channel()
        try:
            yield channel
        finally:
            with contextlib.suppress(OSError, amqp.AMQPError):
                channel.close()


def _connected(rabbitmq_url: str, ca_file: str | None) -> Any:
    parts = urlsplit(rabbitmq_url)
    connection = amqp.Connection(
        f"{parts.hostname}:{parts.port}",
        userid=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        virtual_host=unquote(parts.path[1:]) or "/",
        ssl={"server_hostname": parts.hostname, "ca_certs": ca_file} if parts.scheme == "amqps" else False,
        connect_timeout=5,
        read_timeout=10,
        write_timeout=10,
        confirm_publish=True,
    )
    connection.connect()
    return connection
