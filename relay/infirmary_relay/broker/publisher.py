"""Publishes batches by AMQP 0-9-1 and says what became of each message: nothing else can happen to it than these three.

It is confirmed (basic.ack), returned (basic.return: no log or queue took it) or refused (basic.nack).
"""

import struct
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from infirmary_relay.broker import wire
from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.errors import BrokerLostError, PublishingRefusedError
from infirmary_relay.broker.handshake import CHANNEL
from infirmary_relay.broker.session import Session
from infirmary_relay.confirms import Confirms
from infirmary_relay.headers import content_header
from infirmary_relay.message import Row
from infirmary_relay.window import ImpossibleReceiptError, Window

CONFIRM_TIMEOUT_S = 30.0
"""A broker that has not said for so long what became of a message is given up, unless it said that it is blocked.

Whatever else it says meanwhile: heartbeats, and confirms of other messages, do not help the one that waits.
"""

_ACK, _NACK, _RETURN = struct.pack(">HH", 60, 80), struct.pack(">HH", 60, 120), struct.pack(">HH", 60, 50)
_CHANNEL_CLOSE, _CONNECTION_CLOSE = struct.pack(">HH", 20, 40), struct.pack(">HH", 10, 50)
_BLOCKED, _UNBLOCKED = struct.pack(">HH", 10, 60), struct.pack(">HH", 10, 61)
_RECEIPT = struct.Struct(">QB")
_MULTIPLE = 1
_NOT_ABOUT_A_MESSAGE = frozenset({320, 403, 404, 530})
"""Forced by an operator, access refused, no such virtual host: these say nothing against what was published."""


class Waiting(NamedTuple):
    """Descriptors to wait on: until one can be read, or written."""

    reading: list[int]
    writing: list[int]


class Publisher(Protocol):
    """What publishes batches, by whatever protocol; it ends with its connection, and with all that was in flight."""

    known_targets: set[str]
    """Targets of which it was made sure, since the connection was opened, that they are what their names say."""

    @property
    def blocked(self) -> str | None:
        """Why the broker takes nothing by AMQP at the moment, None when it does."""

    @property
    def waiting(self) -> Waiting:
        """The descriptors to wait on."""

    def has_room(self, windows: int) -> bool:
        """Whether another batch may be published with at most so many in flight.

        Not behind a returned or refused message: the later ones of its subject would overtake it. While it is blocked,
        only of messages to logs, and if these go another way.
        """

    def in_flight(self) -> list[Row]:
        """The messages of which the broker has not said what became of them, oldest first."""

    def publish(self, rows: Sequence[Row]) -> list[tuple[Row, str | None]]:
        """Publishes a batch without waiting.

        Gives those that are unfit for the wire, and why; None for what only stands behind one of its subject.

        Raises:
            BrokerLostError: A connection is gone.
        """

    def settled(self, may_end: Callable[[Window], bool]) -> list[Window]:
        """Reads what the broker has said, without waiting, and gives the windows of which all is known.

        Raises:
            PublishingRefusedError: The broker ended the connection over something that was published.
            BrokerLostError: A connection is gone, or silent for too long.
        """

    def close(self) -> None:
        """Drops the connections; what is in flight stays in the outbox."""


class QueuePublisher:
    """One channel of one connection; when that ends the publisher has ended, with all that was in flight."""

    def __init__(self, address: BrokerAddress, *, name: str, service: str | None = None, exchange: str = "") -> None:
        """Connects.

        Args:
            address: where the broker is.
            name: by which the broker shows the connection.
            service: the only source that messages may name; None lets every source pass.
            exchange: through which logs are written; empty for the default exchange.

        Raises:
            BrokerLostError: the broker cannot be reached.
        """
        self._session = Session(address, name=name)
        self._encoder = wire.Encoder(CHANNEL, self._session.frame_max, service, exchange=exchange)
        self._confirms = Confirms()
        self._returning: str | None = None
        self._return_rest = 0
        self._unblocked_at = 0.0
        self.known_targets: set[str] = set()
        """Targets of which it was made sure, since this connection was opened, that they are what their names say."""
        self.blocked: str | None = None
        """Why the broker takes nothing at the moment (`connection.blocked`), None when it does."""

    @property
    def waiting(self) -> Waiting:
        """The descriptor to wait on; while bytes wait for the broker to take them, for that as well."""
        descriptor = self._session.fileno()
        return Waiting([descriptor], [descriptor] if self._session.has_unwritten else [])

    def has_room(self, windows: int) -> bool:
        """Whether another batch may be published with at most so many in flight.

        Not behind a returned or refused message: the later ones of its subject would overtake it.
        """
        confirms = self._confirms
        return len(confirms) < windows and not (self.blocked or self._session.has_unwritten or confirms.tainted)

    def in_flight(self) -> list[Row]:
        """The messages of which the broker has not said what became of them, oldest first."""
        return self._confirms.rows()

    def publish(self, rows: Sequence[Row]) -> list[tuple[Row, str | None]]:
        """Publishes a batch, persistent and mandatory, without waiting.

        Gives those that are unfit for the wire, and why; None for what only stands behind one of its subject.

        Raises:
            BrokerLostError: the connection is gone.
        """
        encoded = self._encoder.encode(rows)
        if encoded.rows:
            self._confirms.publish(encoded.rows).published_at = time.monotonic()
            self._session.write(encoded.buffer)
        return encoded.unfit

    def settled(self, may_end: Callable[[Window], bool] = lambda _: True) -> list[Window]:
        """Reads what the broker has said, without waiting, and gives the windows of which all is known.

        Those that may not end yet stay in flight, and those behind them.

        Raises:
            PublishingRefusedError: the broker closed the channel over something that was published.
            BrokerLostError: the connection is gone, or silent for too long.
        """
        now = time.monotonic()
        for kind, payload in self._session.frames():
            if kind == wire.METHOD:
                self._read_method(payload)
            elif kind == wire.CONTENT_HEADER:
                self._return_header(payload)
            elif kind == wire.CONTENT_BODY:
                self._return_body(len(payload))
        oldest = self._confirms.oldest_unsettled
        since = max(oldest.published_at, self._unblocked_at) if oldest is not None else now
        if not self.blocked and now - since > CONFIRM_TIMEOUT_S:
            raise BrokerLostError(f"no confirm came for {CONFIRM_TIMEOUT_S:.0f} s")
        return self._confirms.settled(may_end)

    def close(self) -> None:
        """Drops the connection; what is in flight stays in the outbox."""
        self._session.close()

    def _read_method(self, payload: bytes) -> None:
        method = payload[:4]
        if method in (_ACK, _NACK):
            tag, bits = _RECEIPT.unpack_from(payload, 4)
            note = self._confirms.acknowledged if method == _ACK else self._confirms.refused
            try:
                note(tag, multiple=bool(bits & _MULTIPLE))
            except ImpossibleReceiptError as impossible:
                raise BrokerLostError(str(impossible)) from impossible
        elif method == _RETURN:
            _, _, at = _reply(payload)
            exchange_end = at + 1 + payload[at]
            self._returning = _short(payload, exchange_end)
        elif method == _BLOCKED:
            self.blocked = _short(payload, 4) or "blocked"
        elif method == _UNBLOCKED:
            self.blocked, self._unblocked_at = None, time.monotonic()
        elif method in (_CHANNEL_CLOSE, _CONNECTION_CLOSE):
            code, text, _ = _reply(payload)
            ending = BrokerLostError if code in _NOT_ABOUT_A_MESSAGE else PublishingRefusedError
            raise ending(f"the broker closed the channel: {code} {text}")

    def _return_header(self, payload: bytes) -> None:
        if self._returning is None:
            raise BrokerLostError("the broker sent a content header that belongs to no basic.return")
        self._confirms.returned(content_header.message_id(payload), self._returning)
        self._return_rest = content_header.body_size(payload)
        self._return_body(0)

    def _return_body(self, size: int) -> None:
        self._return_rest -= size
        if self._return_rest <= 0:
            self._returning = None


def _reply(payload: bytes) -> tuple[int, str, int]:
    """Reads the reply code and text that begin a close or a basic.return, and where the rest of it begins."""
    return int.from_bytes(payload[4:6], "big"), _short(payload, 6), 7 + payload[6]


def _short(payload: bytes, at: int) -> str:
    return payload[at + 1 : at + 1 + payload[at]].decode(errors="replace")
