"""Reads all logs from their first message on, as an independent witness beside the consumers."""

import contextlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import amqp

from audit.facts import PUBLISHERS, LogMessage
from audit.log_parts import name_of

PREFETCH = 500
ACKNOWLEDGE_EVERY = 200
UNREADABLE = "unreadable"
CONNECT_TIMEOUT_S = 3.0
_QUIET = (TimeoutError, BlockingIOError)
_LOST = (amqp.AMQPError, OSError)

LOOK_FOR_PARTS_S = 5.0
NewMessage = Callable[[str, LogMessage], None]


def _ignore(_publisher: str, _message: LogMessage) -> None:
    pass


class LogTail:
    """Follows the logs, all their parts, on a connection of its own; after a loss it goes on where it stood.

    Attributes:
        messages: What was read, by publishing service, in the order of each of the log's parts.
    """

    def __init__(
        self, rabbitmq_url: str, publishers: Iterable[str] = PUBLISHERS, on_message: NewMessage = _ignore
    ) -> None:
        """Prepares the tail; `read` connects.

        Args:
            rabbitmq_url: Of an account that may read all logs and look at all queues.
            publishers: The services whose logs are read.
            on_message: Gets each new message with its publisher, in the thread that calls `read`.
        """
        self._url = rabbitmq_url
        self._on_message = on_message
        self._connection: amqp.Connection | None = None
        self._channels: dict[str, amqp.Channel] = {}
        self._read_to: dict[str, int] = {}
        self._look_at = 0.0
        self.messages: dict[str, list[LogMessage]] = {publisher: [] for publisher in publishers}
        self._parts = dict.fromkeys(self.messages, 1)

    def read(self, for_s: float) -> bool:
        """Takes in what comes within a time; returns False when the broker is away.

        It returns as soon as the broker has sent nothing for the given time.
        """
        try:
            connection = self._connect()
            self._look_for_parts(connection)
            for publisher, parts in self._parts.items():
                for part in range(parts):
                    self._subscribe(connection, publisher, part)
            with contextlib.suppress(*_QUIET):
                while True:
                    connection.drain_events(timeout=for_s)
        except _LOST:
            self._drop()
            return False
        return True

    def follow(self, until: Callable[[], bool]) -> None:
        """Reads until told to stop."""
        while not until():
            if not self.read(0.1):
                time.sleep(0.2)

    def queue_length(self, queue: str) -> int | None:
        """Returns how many messages are ready in a queue, or None when there is no such queue.

        Raises:
            OSError, amqp.AMQPError: The broker is away.
        """
        return _length(self._connect(), queue)

    def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None:
            with contextlib.suppress(*_LOST):
                self._connection.close()
        self._drop()

    def _connect(self) -> amqp.Connection:
        if self._connection is None:
            parts = urlsplit(self._url)
            connection = amqp.Connection(
                f"{parts.hostname}:{parts.port or 5672}",
                userid=unquote(parts.username or "guest"),
                password=unquote(parts.password or "guest"),
                virtual_host=unquote(parts.path[1:]) or "/",
                connect_timeout=CONNECT_TIMEOUT_S,
            )
            connection.connect()
            self._connection = connection
        return self._connection

    def _look_for_parts(self, connection: amqp.Connection) -> None:
        """Looks now and then whether a log has been split further."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_FOR_PARTS_S
        for publisher in self._parts:
            while _length(connection, name_of(publisher, self._parts[publisher])) is not None:
                self._parts[publisher] += 1

    def _subscribe(self, connection: amqp.Connection, publisher: str, part: int) -> None:
        """Starts reading a part of a log, unless it is being read already or does not exist yet."""
        log = name_of(publisher, part)
        channel = self._channels.get(log)
        if channel is not None and channel.is_open:
            return
        channel = connection.channel()
        channel.auto_decode = False
        start = self._read_to[log] + 1 if log in self._read_to else "first"
        channel.basic_qos(0, PREFETCH, False)
        with contextlib.suppress(amqp.NotFound):
            channel.basic_consume(
                log,
                callback=lambda message: self._take(publisher, part, message),
                arguments={"x-stream-offset": start},
            )
            self._channels[log] = channel

    def _take(self, publisher: str, part: int, raw: amqp.Message) -> None:
        message = replace(read_message(raw.properties, raw.body), part=part)
        log = name_of(publisher, part)
        if message.offset > self._read_to.get(log, -1):
            self._read_to[log] = message.offset
            self.messages[publisher].append(message)
            self._on_message(publisher, message)
        if raw.delivery_tag % ACKNOWLEDGE_EVERY == 0:
            raw.channel.basic_ack(raw.delivery_tag, multiple=True)

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(*_LOST):
                self._connection.collect()
        self._connection, self._channels, self._look_at = None, {}, 0.0


def _length(connection: amqp.Connection, queue: str) -> int | None:
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(queue, passive=True).message_count)
        except amqp.NotFound:
            return None


def read_message(properties: dict[str, Any], body: bytes | str) -> LogMessage:
    """Returns a message of a log; one that is none of ours has the type `unreadable` and no source."""
    headers = properties.get("application_headers") or {}
    offset = int(headers["x-stream-offset"])
    try:
        return LogMessage(
            offset=offset,
            message_id=UUID(properties["message_id"]),
            source=properties["app_id"],
            type=properties["type"],
            subject=headers["subject"],
            sequence=headers.get("sequence"),
            correlation_id=properties.get("correlation_id"),
            at=datetime.fromisoformat(headers["time"]),
            body=json.loads(body),
        )
    except (KeyError, TypeError, ValueError):
        return LogMessage(offset, UUID(int=0), source="", type=UNREADABLE, subject="", sequence=None)
