"""AMQP 0-9-1 frames, to and fro: a batch of messages as one buffer, and what the broker says about them.

Specification: section 2.3.5 (frames) and 1.8 (the basic class). Everything constant about a target or a size is built
once, so that a message costs three look-ups and a place in one join.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from infirmary_relay.broker.targets import is_log
from infirmary_relay.headers.content_header import are_sections, header_prefix, is_content_header
from infirmary_relay.headers.forms import Forms
from infirmary_relay.headers.from_version_1 import source_of
from infirmary_relay.message import HEADER, LONGEST_TARGET_BYTES, Row, Unfit, why_unfit

METHOD, CONTENT_HEADER, CONTENT_BODY, HEARTBEAT = 1, 2, 3, 8
END = b"\xce"
HEARTBEAT_FRAME = b"\x08\x00\x00\x00\x00\x00\x00\xce"
_FRAME_HEAD = struct.Struct(">BHI")
_FRAME_OVERHEAD = 8
_PUBLISH = struct.pack(">HHH", 60, 40, 0)  # class, method, reserved
_MANDATORY = b"\x01"
_CACHED_SIZES = 4096

_T = TypeVar("_T")


def method_frame(channel: int, class_id: int, method_id: int, arguments: bytes = b"") -> bytes:
    """A whole method frame."""
    payload = struct.pack(">HH", class_id, method_id) + arguments
    return _FRAME_HEAD.pack(METHOD, channel, len(payload)) + payload + END


class Encoded(NamedTuple):
    """A batch, ready to be written."""

    buffer: bytes
    rows: list[Row]
    """The messages that are in the buffer."""
    unfit: list[tuple[Row, str | None]]
    """Those that cannot be put on the wire, with the reason; None for those that stand behind one in its subject."""


class Encoder:
    """Turns messages into the frames that publish them on one channel."""

    def __init__(self, channel: int, frame_max: int, service: str | None = None, *, exchange: str = "") -> None:
        """Prepares it.

        Args:
            channel: the channel.
            frame_max: the most bytes of a frame.
            service: the only source that messages may name; None lets every source pass.
            exchange: through which logs are written; empty for the default exchange, through which all else goes.
        """
        self._exchange = exchange
        self._channel = channel
        self._largest_payload = frame_max - _FRAME_OVERHEAD
        self._publish_to: dict[str, bytes] = {}
        self._header_sizes = _PerSize(struct.Struct(">I").pack)
        self._body_sizes = _PerSize(self._body_size)
        self._forms = Forms(service)

    def encode(self, rows: Sequence[Row]) -> Encoded:
        """The frames of all these messages as one buffer; one that raises anything is itself unfit, alone."""
        try:
            return self._encode(rows)
        except Exception:  # the next line finds out over which
            return self._encode([self._fit_or_unfit(row) for row in rows])

    def _fit_or_unfit(self, row: Row) -> Row:
        try:
            self._encode([row])
        except Exception as odd:  # whatever it is, it is this message's
            return (*row[:HEADER], Unfit(why_unfit(odd)), b"")
        return row

    def _encode(self, rows: Sequence[Row]) -> Encoded:
        publish_to, header_sizes, body_sizes = self._publish_to, self._header_sizes, self._body_sizes
        parts: list[bytes] = []
        unfit: list[tuple[Row, str | None]] = []
        stopped: set[str] = set()
        for row in rows:
            _, target, subject, _, header, body, *_ = row
            if stopped and subject in stopped:
                unfit.append((row, None))
                continue
            size = len(body)
            announced, body_head = body_sizes[size]
            if are_sections(header):
                header = self._forms.content_header(header, size)
            elif is_content_header(header):
                self._forms.check_source(source_of(header))
            if not header.startswith(announced) or len(header) > self._largest_payload or len(target) > 63:
                reason = self._why_unfit(row, header)
                if reason is not None:
                    unfit.append((row, reason))
                    stopped.add(subject)
                    continue
            publish = publish_to.get(target) or self._publish(target)
            parts += (publish, header_sizes[len(header)], header, body_head, body, END)
            if size > self._largest_payload:
                parts[-3:] = self._split(body)
            elif not size:
                parts[-3:] = (END,)
        sent = list(rows) if not unfit else _without(rows, unfit)
        return Encoded(b"".join(parts), sent, unfit)

    def _why_unfit(self, row: Row, header: bytes) -> str | None:
        """Says why a message cannot be sent.

        A header that announces another size than the body's would leave the broker waiting for the rest.
        """
        _, target, _, _, _, body, *_ = row
        if isinstance(header, Unfit):
            return header.reason
        if not header.startswith(header_prefix(len(body))):
            return f"its header does not announce a body of {len(body)} bytes"
        if len(header) > self._largest_payload:
            return f"its header has {len(header)} bytes, a frame has room for {self._largest_payload}"
        if len(target.encode()) > LONGEST_TARGET_BYTES:
            return f"its target has more than {LONGEST_TARGET_BYTES} bytes"
        return None

    def _publish(self, target: str) -> bytes:
        """A basic.publish to the log or queue of that name, and how the frame of its content header begins."""
        names = (self._exchange.encode() if is_log(target) else b"", target.encode())
        payload = _PUBLISH + b"".join(bytes((len(name),)) + name for name in names) + _MANDATORY
        frame = _FRAME_HEAD.pack(METHOD, self._channel, len(payload)) + payload + END
        self._publish_to[target] = frame = frame + struct.pack(">BH", CONTENT_HEADER, self._channel)
        return frame

    def _body_size(self, size: int) -> tuple[bytes, bytes]:
        """How the header of a body of this size begins; the end of the header's frame and the head of the body's."""
        return header_prefix(size), END + _FRAME_HEAD.pack(CONTENT_BODY, self._channel, size)

    def _split(self, body: bytes) -> Iterator[bytes]:
        yield END
        for start in range(0, len(body), self._largest_payload):
            piece = body[start : start + self._largest_payload]
            yield _FRAME_HEAD.pack(CONTENT_BODY, self._channel, len(piece))
            yield piece
            yield END


class FrameReader:
    """Cuts the stream of bytes that a broker sends into frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yields (frame type, payload) of every frame that is complete.

        Raises:
            ValueError: what came is no frame.
        """
        data = self._rest + data
        at, end = 0, len(data)
        while end - at >= _FRAME_OVERHEAD:
            kind, _, size = _FRAME_HEAD.unpack_from(data, at)
            stop = at + 7 + size
            if stop >= end:
                break
            if data[stop] != END[0]:
                raise ValueError("a frame does not end where it said it would")
            yield kind, data[at + 7 : stop]
            at = stop + 1
        self._rest = data[at:]


class _PerSize(dict[int, _T]):
    """What is built once for each size, and forgotten when there are too many sizes."""

    def __init__(self, build: Callable[[int], _T]) -> None:
        super().__init__()
        self._build = build

    def __missing__(self, size: int) -> _T:
        if len(self) >= _CACHED_SIZES:
            self.clear()
        self[size] = built = self._build(size)
        return built


def _without(rows: Sequence[Row], unfit: list[tuple[Row, str | None]]) -> list[Row]:
    left_out = {id(row) for row, _ in unfit}
    return [row for row in rows if id(row) not in left_out]
