"""A chunk's messages are read as osiris wrote them, and a damaged chunk is noticed."""

import gzip
import struct
import tracemalloc
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_streams.chunks import Chunk, Extent, UnreadableChunkError, delivered, extent
from infirmary_streams.errors import NonsenseError

HEAD_BYTES = 48
MESSAGES = st.lists(st.binary(max_size=60), max_size=6)
ENTRIES = st.lists(st.binary(max_size=60) | st.tuples(st.booleans(), MESSAGES), max_size=6)
"""A message, or several in a sub-entry, which may be compressed."""


def sized(message: bytes) -> bytes:
    return struct.pack(">I", len(message)) + message


def sub_entry(messages: list[bytes], *, compression: int = 0, content: bytes | None = None, plain: int = -1) -> bytes:
    whole = b"".join(map(sized, messages))
    packed = content if content is not None else gzip.compress(whole) if compression == 1 else whole
    kind, plain = 0x80 | compression << 4, len(whole) if plain < 0 else plain
    return struct.pack(">BHII", kind, len(messages), plain, len(packed)) + packed


def chunk(
    content: bytes, entries: int, records: int, *, kind: int = 0, magic: int = 0x50, bloom: int = 0, trailer: int = 0
) -> bytes:
    """A delivery of subscription 7; what is kept in bloom filter and trailer does not go over the wire."""
    head = struct.pack(">BBHIqQQIIIBBH", magic, kind, entries, records, 1_700_000_000_123, 3, 1000, crc32(content),
                       len(content), trailer, bloom, 0, 0)  # fmt: skip
    assert len(head) == HEAD_BYTES
    return b"\x07" + head + content


def encoded(entry: bytes | tuple[bool, list[bytes]]) -> bytes:
    return sized(entry) if isinstance(entry, bytes) else sub_entry(entry[1], compression=int(entry[0]))


def messages_of(entries: list[bytes | tuple[bool, list[bytes]]]) -> list[bytes]:
    return [message for each in entries for message in ([each] if isinstance(each, bytes) else each[1])]


@given(ENTRIES, st.integers(0, 255), st.integers(0, 2**32 - 1))
def test_messages_are_read_alone_and_in_sub_entries(
    entries: list[bytes | tuple[bool, list[bytes]]], bloom: int, trailer: int
) -> None:
    messages = messages_of(entries)
    content = b"".join(map(encoded, entries))
    delivery = chunk(content, len(entries), len(messages), bloom=bloom, trailer=trailer)
    assert delivered(delivery) == (7, Chunk(1000, 1_700_000_000_123, messages))


@given(ENTRIES, st.data())
def test_a_changed_byte_is_noticed(entries: list[bytes | tuple[bool, list[bytes]]], data: st.DataObject) -> None:
    messages = messages_of(entries)
    content = b"".join(map(encoded, entries))
    delivery = bytearray(chunk(content, len(entries), len(messages)))
    # Kind, times, epoch, offset and the lengths of what is not sent are under no checksum.
    watched = [1, *range(3, 9), *range(33, 41), *range(1 + HEAD_BYTES, len(delivery))]
    delivery[data.draw(st.sampled_from(watched))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(NonsenseError):
        delivered(bytes(delivery))


@given(ENTRIES, st.data())
def test_a_chunk_that_ends_too_early_is_noticed(
    entries: list[bytes | tuple[bool, list[bytes]]], data: st.DataObject
) -> None:
    delivery = chunk(b"".join(map(encoded, entries)), len(entries), len(messages_of(entries)))
    with pytest.raises(NonsenseError):
        delivered(delivery[: data.draw(st.integers(0, len(delivery) - 1))])


@given(st.binary(max_size=80), st.integers(0, 0xFFFF), st.integers(0, 100))
def test_content_under_a_right_checksum_is_read_or_nonsense_and_nothing_worse(
    content: bytes, entries: int, records: int
) -> None:
    try:
        delivered(chunk(content, entries, records))
    except NonsenseError as nonsense:
        assert str(nonsense)  # noqa: PT017  bytes that can be read are right, too


@given(st.binary(max_size=80), st.integers(0, 7), st.integers(0, 2**32 - 1))
def test_a_sub_entry_of_anything_is_read_or_nonsense_and_nothing_worse(
    content: bytes, compression: int, plain: int
) -> None:
    try:
        delivered(chunk(sub_entry([b"a"], compression=compression, content=content, plain=plain), 1, 1))
    except NonsenseError as nonsense:
        assert str(nonsense)  # noqa: PT017  bytes that can be read are right, too


@pytest.mark.parametrize("kind", [1, 2])
def test_a_chunk_of_the_brokers_own_holds_no_messages(kind: int) -> None:
    assert delivered(chunk(b"anything", 1, 1, kind=kind)) == (7, None)


def test_a_chunk_of_another_version_is_refused() -> None:
    with pytest.raises(NonsenseError, match="unknown kind: 0x51"):
        delivered(chunk(b"", 0, 0, magic=0x51))


@pytest.mark.parametrize(
    ("content", "entries", "records"),
    [
        (struct.pack(">I", 9) + b"short", 1, 1),
        (sized(b"a") + b"more", 1, 1),
        (sized(b"a"), 1, 2),
        (sized(b"a"), 2, 2),
        (sub_entry([b"a", b"b"]), 1, 1),
        (sub_entry([b"a"], content=struct.pack(">I", 9) + b"short"), 1, 1),
        (sub_entry([b"a"], content=sized(b"a") + b"more"), 1, 1),
    ],
)
def test_a_message_is_never_shorter_than_it_says_and_none_is_left_out(
    content: bytes, entries: int, records: int
) -> None:
    with pytest.raises(NonsenseError):
        delivered(chunk(content, entries, records))


@pytest.mark.parametrize("compression", [2, 3, 4, 5, 6, 7])
def test_compression_that_is_no_gzip_is_told(compression: int) -> None:
    with pytest.raises(NonsenseError, match=rf"protocol's way {compression}, which is not gzip"):
        delivered(chunk(sub_entry([b"a"], compression=compression), 1, 1))


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_gzip_of_another_size_than_it_says_is_nonsense(wrong: int) -> None:
    with pytest.raises(NonsenseError, match=r"not the \d+ bytes"):
        delivered(chunk(sub_entry([b"a"], compression=1, plain=5 + wrong), 1, 1))


def test_a_damaged_gzip_is_nonsense() -> None:
    packed = bytearray(gzip.compress(sized(b"a" * 100)))
    packed[-6] ^= 1  # its own checksum
    with pytest.raises(NonsenseError, match="no gzip"):
        delivered(chunk(sub_entry([b"a" * 100], compression=1, content=bytes(packed)), 1, 1))


@pytest.mark.parametrize("claimed", [5, 1 << 20, (1 << 28) + 1, 0xFFFFFFFF])
def test_no_more_is_unpacked_than_was_said_and_never_as_much_as_anybody_says(claimed: int) -> None:
    bomb = gzip.compress(bytes(1 << 23))
    delivery = chunk(sub_entry([b"a"], compression=1, content=bomb, plain=claimed), 1, 1)
    tracemalloc.start()
    try:
        with pytest.raises(NonsenseError):
            delivered(delivery)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()


def test_of_a_chunk_that_cannot_be_read_it_is_known_where_it_stands() -> None:
    damaged = bytearray(chunk(sized(b"a") + sized(b"b"), 2, 2))
    damaged[-1] ^= 1
    compressed = chunk(sub_entry([b"a", b"b"], compression=4), 1, 2)
    for delivery, why in ((bytes(damaged), "it is damaged"), (compressed, "zstd")):
        with pytest.raises(UnreadableChunkError, match=rf"offsets 1000 to 1001: .*{why}") as unreadable:
            delivered(delivery)
        assert unreadable.value.extent == extent(delivery) == Extent(1000, 2)


def test_where_a_chunk_stands_is_read_from_its_head_alone() -> None:
    assert extent(chunk(b"", 3, 7)) == Extent(1000, 7)
    assert extent(chunk(b"", 0, 0, kind=1)) is None
    with pytest.raises(NonsenseError):
        extent(b"\x07short")
