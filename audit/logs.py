"""Reads logs, from their first message or from a moment on, independently of the consumers."""

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import amqp

from audit.broker import LOST, Unreadable, connection_to, length_of, why
from audit.facts import LogMessage
from audit.hospital import PUBLISHERS
from audit.log_messages import is_of_a_log, offset_of, read_message
from audit.log_parts import is_of_commands, name_of

PREFETCH = 500
ACKNOWLEDGE_EVERY = 200
_QUIET = (TimeoutError, BlockingIOError)

LONGEST_READ_S = 2.0
LOOK_AGAIN_S = 5.0
"""How long until a log is looked for, or looked at, once more: by each look the broker writes an error to its log."""

NewMessage = Callable[[str, LogMessage], None]


def _ignore(_stem: str, _message: LogMessage) -> None:
    pass


def _whole(message: LogMessage) -> LogMessage:
    return message


class LogTail:
    """Follows the logs, all their parts, on a connection of its own; after a loss it goes on where it stood.

    A log that cannot be read stops no other one.

    Attributes:
        messages: What was read, by the log's stem, in the order of each of the log's parts.
        unreadable: Why a log cannot be read now, by its stem.
        is_at_the_end: Whether the last `read` ended because the broker had nothing more to send.
    """

    def __init__(
        self,
        rabbitmq_url: str,
        stems: Iterable[str] = PUBLISHERS,
        on_message: NewMessage = _ignore,
        *,
        since: datetime | None = None,
        correlated: str = "",
        ca_file: Path | None = None,
        kept: Callable[[LogMessage], LogMessage] = _whole,
    ) -> None:
        """Prepares the tail; `read` connects.

        Args:
            rabbitmq_url: Of an account that may read all logs.
            stems: The logs that are read.
            on_message: Gets each new message with its log's stem, in the thread that calls `read`.
            since: Where to begin, by the broker's clock; a few earlier messages may come too. None: at the beginning.
            correlated: How the correlation ids begin of the messages that are taken in; all others are passed over.
            ca_file: The certificates to trust for amqps, in place of the system's.
            kept: Returns what is kept of a message in `messages`.
        """
        self._url, self._ca_file = rabbitmq_url, ca_file
        self._on_message, self._kept = on_message, kept
        self._beginning: datetime | str = since or "first"
        self._correlated = correlated
        self.is_at_the_end = False
        self._connection: amqp.Connection | None = None
        self._channels: dict[str, amqp.Channel] = {}
        self._read_to: dict[str, int] = {}
        self._begun_at: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        self._look_at = 0.0
        self._try_at: dict[str, float] = {}
        self.messages: dict[str, list[LogMessage]] = {stem: [] for stem in stems}
        self.unreadable: dict[str, Unreadable] = {}
        self._parts = dict.fromkeys(self.messages, 1)

    def follow_also(self, stems: Iterable[str]) -> None:
        """Reads further logs, those that are read already left out."""
        for stem in stems:
            self.messages.setdefault(stem, [])
            self._parts.setdefault(stem, 1)

    def read(self, for_s: float, at_most_s: float = LONGEST_READ_S) -> bool:
        """Takes in what comes within a time; returns False when the broker is away.

        It returns as soon as the broker has sent nothing for the given time, and at the latest after `at_most_s`: a
        log that others go on writing to has no end at which reading could stop.
        """
        until = time.monotonic() + at_most_s
        self.is_at_the_end = False
        try:
            connection = self._connect()
            self._look_at_all(connection)
            for stem, parts in self._parts.items():
                for part in range(parts):
                    self._subscribe(connection, stem, part)
            try:
                while time.monotonic() < until:
                    connection.drain_events(timeout=for_s)
            except _QUIET:
                self.is_at_the_end = True
        except LOST:
            self._drop()
            return False
        return True

    def catch_up(self, for_s: float, on_progress: Callable[[int], None] = lambda _left: None) -> None:
        """Reads all that the logs held when this was called, however long that takes, unless the broker goes away.

        Args:
            for_s: After that long a silence everything has been sent.
            on_progress: Gets how many messages are left, at least.
        """
        began_at = datetime.now(UTC)
        while self.read(for_s) and not self.is_at_the_end:
            on_progress(sum(map(self.behind, self.messages)))
            if all(not read or _is_younger(read[-1], began_at) for read in self.messages.values()):
                return

    def follow(self, until: Callable[[], bool]) -> None:
        """Reads until told to stop."""
        while not until():
            if not self.read(0.1):
                time.sleep(0.2)

    def behind(self, stem: str) -> int:
        """Returns how many messages of a log are still to be read, at least: as many as were there at the last look."""
        logs = (name_of(stem, part) for part in range(self._parts[stem]))
        return sum(max(0, self._ends[log] - self._read_to.get(log, -1)) for log in logs if log in self._ends)

    def close(self) -> None:
        """Ends the connection."""
        if self._connection is not None:
            with contextlib.suppress(*LOST):
                self._connection.close()
        self._drop()

    def _connect(self) -> amqp.Connection:
        if self._connection is None:
            connection = connection_to(self._url, self._ca_file)
            connection.connect()
            self._connection = connection
        return self._connection

    def _look_at_all(self, connection: amqp.Connection) -> None:
        """Looks now and then how long each log is, and whether it has been split further."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_AGAIN_S
        for stem in self._parts:
            part = 0
            while isinstance(length := length_of(connection, name_of(stem, part)), int):
                self._note_end(name_of(stem, part), length)
                part += 1
                if is_of_commands(stem):
                    break  # it is never split, and the broker writes a line about each part that is not there
            self._parts[stem] = max(part, self._parts[stem])

    def _note_end(self, log: str, length: int) -> None:
        """Notes where a log ends; that is too low where retention has removed something since we began to read it."""
        begun_at = self._begun_at.get(log, 0)
        self._ends[log] = begun_at + length - 1

    def _subscribe(self, connection: amqp.Connection, stem: str, part: int) -> None:
        """Starts reading a part of a log, unless it is being read already or cannot be."""
        log = name_of(stem, part)
        channel = self._channels.get(log)
        if (channel is not None and channel.is_open) or time.monotonic() < self._try_at.get(log, 0):
            return
        channel = connection.channel()
        channel.auto_decode = False
        start = self._read_to[log] + 1 if log in self._read_to else self._beginning
        channel.basic_qos(0, PREFETCH, False)
        try:
            channel.basic_consume(
                log,
                callback=lambda message: self._take(stem, part, message),
                arguments={"x-stream-offset": start},
            )
        except amqp.ChannelError as refusal:
            self._give_up(stem, log, why(refusal))
            return
        self._channels[log] = channel
        self.unreadable.pop(stem, None)

    def _give_up(self, stem: str, log: str, reason: Unreadable) -> None:
        """Leaves a log alone for a while; what does not exist yet may come at any moment."""
        self.unreadable[stem] = reason
        self._channels.pop(log, None)
        self._try_at[log] = time.monotonic() + (LOOK_AGAIN_S / 5 if reason is Unreadable.MISSING else LOOK_AGAIN_S)

    def _take(self, stem: str, part: int, raw: amqp.Message) -> None:
        log = name_of(stem, part)
        if not is_of_a_log(raw):
            # A queue, whose messages are somebody's: closing the channel gives them back.
            self._give_up(stem, log, Unreadable.WRONG_TYPE)
            raw.channel.close()
            return
        offset = offset_of(raw.properties)
        self._begun_at.setdefault(log, offset)
        if offset > self._read_to.get(log, -1):
            self._read_to[log] = offset
            if str(raw.properties.get("correlation_id", "")).startswith(self._correlated):
                message = replace(read_message(raw.properties, raw.body), part=part)
                self.messages[stem].append(self._kept(message))
                self._on_message(stem, message)
        if raw.delivery_tag % ACKNOWLEDGE_EVERY == 0:
            raw.channel.basic_ack(raw.delivery_tag, multiple=True)

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(*LOST):
                self._connection.collect()
        self._connection, self._channels, self._look_at, self._try_at = None, {}, 0.0, {}


def _is_younger(message: LogMessage, moment: datetime) -> bool:
    """Says whether a message was written after a moment; one without a time counts as old."""
    return message.at is not None and message.at.tzinfo is not None and message.at > moment
