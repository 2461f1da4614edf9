"""Frames: how commands, their fields and the bytes on the wire become one another. Pure.

All numbers are big-endian. A text has two bytes for its length, bytes have four; -1 stands for none.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

from infirmary_streams.errors import NonsenseError

VERSION: Final = 1
_SIZE = struct.Struct(">I")
_COMMAND = struct.Struct(">HH")
_REQUEST = struct.Struct(">HHI")
_SHORT, _LONG = struct.Struct(">h"), struct.Struct(">i")
_LARGEST_FRAME: Final = 1 << 30
"""A size beyond it is a sign that what came are no frames."""


def command(key: int, content: bytes = b"") -> bytes:
    """A whole frame that no answer is expected to."""
    return _SIZE.pack(4 + len(content)) + _COMMAND.pack(key, VERSION) + content


def request(key: int, correlation_id: int, content: bytes = b"") -> bytes:
    """A whole frame whose answer carries the same correlation id."""
    return _SIZE.pack(8 + len(content)) + _REQUEST.pack(key, VERSION, correlation_id) + content


def text(value: str) -> bytes:
    """A text as a field.

    Raises:
        ValueError: It is longer than 32,767 bytes.
    """
    data = value.encode()
    if len(data) > 0x7FFF:
        raise ValueError(f"a text of the protocol has at most 32,767 bytes, not {len(data)}")
    return _SHORT.pack(len(data)) + data


def data(value: bytes) -> bytes:
    """Bytes as a field."""
    return _LONG.pack(len(value)) + value


def texts(values: Sequence[str]) -> bytes:
    """An array of texts."""
    return _LONG.pack(len(values)) + b"".join(map(text, values))


def properties(values: Mapping[str, str]) -> bytes:
    """An array of pairs of texts."""
    return _LONG.pack(len(values)) + b"".join(text(key) + text(value) for key, value in values.items())


class Fields:
    """Reads the fields of a command one after the other.

    Every method raises NonsenseError when they end too early or are not what they should be.
    """

    def __init__(self, payload: bytes, at: int = 0) -> None:
        self._payload, self._at = payload, at

    @property
    def are_left(self) -> bool:
        """Whether anything follows."""
        return self._at < len(self._payload)

    def number(self, size: int) -> int:
        """An unsigned integer of so many bytes."""
        return int.from_bytes(self._take(size), "big")

    def text(self) -> str:
        """A text; one that is none is empty."""
        size = int.from_bytes(self._take(2), "big", signed=True)
        return self._take(max(0, size)).decode(errors="replace")

    def data(self) -> bytes:
        """Bytes; none are empty."""
        return self._take(max(0, int.from_bytes(self._take(4), "big", signed=True)))

    def count(self) -> int:
        """How many elements an array has: never more than there are bytes left."""
        count = int.from_bytes(self._take(4), "big", signed=True)
        if count > len(self._payload) - self._at:
            raise NonsenseError(f"an array of {count} elements in {len(self._payload)} bytes")
        return max(0, count)

    def properties(self) -> dict[str, str]:
        """Pairs of texts."""
        return {self.text(): self.text() for _ in range(self.count())}

    def _take(self, size: int) -> bytes:
        end = self._at + size
        taken = self._payload[self._at : end]
        if len(taken) < size:
            raise NonsenseError(f"a command of {len(self._payload)} bytes ends within a field")
        self._at = end
        return taken


class FrameReader:
    """Cuts the bytes that a broker sends into frames.

    A frame that comes in many pieces is put together once, when its last one is there: a delivery has no upper bound,
    and copying what is there for each piece would take time that grows with the square of its size.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held = 0
        self._wanted = _SIZE.size

    def feed(self, received: bytes) -> list[tuple[int, bytes]]:
        """Returns (key, what follows key and version) of every frame that is complete.

        Raises:
            NonsenseError: What came are no frames.
        """
        self._pieces.append(received)
        self._held += len(received)
        if self._held < self._wanted:
            return []
        received = b"".join(self._pieces) if len(self._pieces) > 1 else received
        found, at = self._cut(received)
        self._pieces, self._held = [received[at:]] if at < len(received) else [], len(received) - at
        return found

    def _cut(self, received: bytes) -> tuple[list[tuple[int, bytes]], int]:
        """The frames that are whole, and where the rest begins."""
        found: list[tuple[int, bytes]] = []
        at, end = 0, len(received)
        self._wanted = _SIZE.size
        while end - at >= _SIZE.size:
            (size,) = _SIZE.unpack_from(received, at)
            if not _COMMAND.size <= size <= _LARGEST_FRAME:
                raise NonsenseError(f"a frame of {size} bytes")
            stop = at + _SIZE.size + size
            if stop > end:
                self._wanted = stop - at
                break
            key, _version = _COMMAND.unpack_from(received, at + _SIZE.size)
            found.append((key, received[at + 8 : stop]))
            at = stop
        return found, at
