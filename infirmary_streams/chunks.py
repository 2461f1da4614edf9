"""Chunks: what a log is delivered in, several messages in one. Pure.

The layout is told in osiris_log.erl of github.com/rabbitmq/osiris and in the protocol's description of Deliver.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple
from zlib import crc32, decompressobj
from zlib import error as zlib_error

from infirmary_streams import codes
from infirmary_streams.errors import NonsenseError
from infirmary_streams.frames import Fields, command, request, text

FIRST: Final = (1, None)
LAST: Final = (2, None)
NEXT: Final = (3, None)
"""Where a subscription begins: with the first message that there is, the last chunk, or the next message that comes."""

_HEAD = struct.Struct(">BBHIqQQIII4x")
_SIZE = struct.Struct(">I")
_SUB_ENTRY = struct.Struct(">BHII")
_MAGIC_AND_VERSION: Final = 0x50
_USER: Final = 0
_IN_SUB_ENTRY: Final = 0x80
_NONE, _GZIP = 0, 1
_COMPRESSIONS: Final = {2: "snappy", 3: "lz4", 4: "zstd"}
_GZIP_WINDOW: Final = 31
"""What zlib wants to be told to find gzip's own header."""
_LARGEST_PLAIN: Final = 1 << 28
"""The most bytes that a sub-entry is unpacked to: a frame of zeros may claim, and be, a thousand times its size."""


class Chunk(NamedTuple):
    """Messages that follow each other in a log; `timestamp` is when they were written, in milliseconds of unix time."""

    first_offset: int
    timestamp: int
    messages: list[bytes]


class Extent(NamedTuple):
    """Where a chunk stands in its log: the offset of its first message, and how many it has."""

    first_offset: int
    messages: int


class UnreadableChunkError(NonsenseError):
    """A chunk's place is known, but its messages are damaged, or compressed in a way that this library cannot read."""

    def __init__(self, extent: Extent, why: str) -> None:
        last = extent.first_offset + extent.messages - 1
        super().__init__(f"the chunk of the offsets {extent.first_offset} to {last}: {why}")
        self.extent = extent


def from_offset(offset: int) -> tuple[int, int]:
    """A subscription that begins with the message at an offset, or with the first one that there is behind it."""
    return 4, offset


def subscribe(
    correlation_id: int, subscription_id: int, stream: str, begin: tuple[int, int | None], chunks: int
) -> bytes:
    """Asks for a log's messages: so many chunks at first, and one more for each that is given back by `credit`."""
    kind, at = begin
    where = struct.pack(">H", kind) + (struct.pack(">Q", at) if at is not None else b"")
    content = bytes((subscription_id,)) + text(stream) + where + struct.pack(">H", chunks) + struct.pack(">i", 0)
    return request(codes.SUBSCRIBE, correlation_id, content)


def unsubscribe(correlation_id: int, subscription_id: int) -> bytes:
    """Ends a subscription."""
    return request(codes.UNSUBSCRIBE, correlation_id, bytes((subscription_id,)))


def credit(subscription_id: int, chunks: int) -> bytes:
    """Asks for more chunks."""
    return command(codes.CREDIT, struct.pack(">BH", subscription_id, chunks))


def credit_refused(payload: bytes) -> tuple[int, int]:
    """Reads the answer to `credit`, which comes only when it was refused: code and subscription."""
    fields = Fields(payload)
    return fields.number(2), fields.number(1)


def delivered(payload: bytes) -> tuple[int, Chunk | None]:
    """Reads a delivery: the subscription and its chunk; None for a chunk of the broker's own.

    Raises:
        UnreadableChunkError: It is damaged, or compressed in a way that this library cannot read.
        NonsenseError: It is no chunk at all.
    """
    if not payload:
        raise NonsenseError("a delivery without content")
    return payload[0], _chunk(memoryview(payload)[1:])


def extent(payload: bytes) -> Extent | None:
    """Reads of a delivery only where its chunk stands in the log; None for a chunk of the broker's own.

    Raises:
        NonsenseError: It is no chunk.
    """
    _, kind, _, records, _, _, first_offset, _, _, _ = _head(memoryview(payload)[1:])
    return Extent(first_offset, records) if kind == _USER else None


def _head(data: memoryview) -> tuple[int, ...]:
    try:
        head = _HEAD.unpack_from(data)
    except struct.error as short:
        raise NonsenseError(f"a chunk of {len(data)} bytes") from short
    if head[0] != _MAGIC_AND_VERSION:
        raise NonsenseError(f"a chunk of an unknown kind: {head[0]:#x}")
    return head


def _chunk(data: memoryview) -> Chunk | None:
    _, kind, entries, records, timestamp, _, first_offset, crc, size, _ = _head(data)
    if kind != _USER:
        return None
    content = bytes(data[_HEAD.size : _HEAD.size + size])
    where = Extent(first_offset, records)
    if len(content) != size or crc32(content) != crc:
        raise UnreadableChunkError(where, "it is damaged")
    try:
        messages = list(_messages(content, entries))
    except NonsenseError as odd:
        raise UnreadableChunkError(where, str(odd)) from odd
    if len(messages) != records:
        raise UnreadableChunkError(where, f"it has {len(messages)} messages")
    return Chunk(first_offset, timestamp, messages)


def _messages(content: bytes, entries: int) -> Iterator[bytes]:
    at, unpack = 0, _SIZE.unpack_from
    try:
        for _ in range(entries):
            if content[at] & _IN_SUB_ENTRY:
                kind, records, plain_size, size = _SUB_ENTRY.unpack_from(content, at)
                at += _SUB_ENTRY.size
                yield from _records(_plain(content[at : at + size], kind >> 4 & 7, plain_size), records)
            else:
                (size,) = unpack(content, at)
                at += 4
                yield content[at : at + size]
            at += size
    except (struct.error, IndexError) as short:
        raise NonsenseError(f"a chunk of {len(content)} bytes ends within a message") from short
    if at != len(content):
        raise NonsenseError(f"the messages of a chunk of {len(content)} bytes end at byte {at}")


def _records(content: bytes, records: int) -> Iterator[bytes]:
    at = 0
    for _ in range(records):
        (size,) = _SIZE.unpack_from(content, at)
        at += 4
        yield content[at : at + size]
        at += size
    if at != len(content):
        raise NonsenseError(f"the messages of a sub-entry of {len(content)} bytes end at byte {at}")


def _plain(content: bytes, compression: int, plain_size: int) -> bytes:
    if compression == _NONE:
        return content
    if compression != _GZIP:
        name = _COMPRESSIONS.get(compression, "unknown")
        raise NonsenseError(f"messages compressed in the protocol's way {compression}, which is not gzip ({name})")
    if plain_size > _LARGEST_PLAIN:
        raise NonsenseError(f"compressed messages of {plain_size} bytes")
    unpacking = decompressobj(_GZIP_WINDOW)
    try:
        plain = unpacking.decompress(content, plain_size + 1)
    except zlib_error as damaged:
        raise NonsenseError(f"compressed messages that are no gzip: {damaged}") from damaged
    if len(plain) != plain_size or not unpacking.eof:
        raise NonsenseError(f"compressed messages that are not the {plain_size} bytes that they should be")
    return plain
