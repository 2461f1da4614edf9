"""A reader of a log that does nothing but note when each message arrived."""

import select
import struct
import time
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

import amqp

from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.wire import CONTENT_HEADER, METHOD, FrameReader, method_frame
from infirmary_relay.headers.content_header import message_id

_DELIVER = b"\x00\x3c\x00\x3c"
_ACK_EVERY = 100
_PREFETCH = 2000


class LogTail:
    """Reads a log, from its first message or from the next, on a connection that py-amqp only opens.

    Attributes:
        arrived_ns: The machine's monotonic clock when each message was read from the socket, by its id; the first time.
        order: The headers of all messages as they came, duplicates too.
    """

    def __init__(self, rabbitmq_url: str, log: str, start: Literal["first", "next"] = "first") -> None:
        arguments = BrokerAddress.parse(rabbitmq_url).arguments(timeout_s=30.0, name="benchmark tail")
        self._opened = amqp.Connection(**arguments | {"heartbeat": 0})
        self._opened.connect()
        channel = self._opened.channel(1)
        channel.basic_qos(0, _PREFETCH, False)
        channel.basic_consume(log, arguments={"x-stream-offset": start})
        self._socket = self._opened.transport.sock
        self._frames = FrameReader()
        self._unacknowledged = 0
        self.arrived_ns: dict[bytes, int] = {}
        self.order: list[bytes] = []

    def read(self, timeout_s: float) -> bool:
        """Takes in what comes within this time; False when nothing came."""
        if not select.select([self._socket], [], [], timeout_s)[0]:
            return False
        data = self._socket.recv(1 << 18)
        now = time.monotonic_ns()
        if not data:
            raise ConnectionError("the broker closed the connection")
        for kind, payload in self._frames.feed(data):
            if kind == CONTENT_HEADER:
                self.order.append(payload)
                self.arrived_ns.setdefault(message_id(payload) or b"", now)
            elif kind == METHOD and payload[:4] == _DELIVER:
                self._acknowledge(int.from_bytes(payload[5 + payload[4] : 13 + payload[4]], "big"))
        return True

    def read_until(self, has_come: Callable[[], bool], deadline_s: float) -> None:
        """Reads until something has come.

        Raises:
            TimeoutError: it has not within the deadline.
        """
        give_up_at = time.monotonic() + deadline_s
        while not has_come():
            self.read(0.05)
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"the log has brought {len(self.order):,} messages, and then nothing more")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.collect()

    def _acknowledge(self, tag: int) -> None:
        self._unacknowledged += 1
        if self._unacknowledged >= _ACK_EVERY:
            self._unacknowledged = 0
            self._socket.sendall(method_frame(1, 60, 80, struct.pack(">QB", tag, 1)))
