"""Frames are the same in whatever pieces they come."""

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_streams.errors import NonsenseError
from infirmary_streams.frames import FrameReader, command, data, properties, request, texts
from tests.unit.streams.described import Reader, frame, u32

FRAMES = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=8)


@given(FRAMES, st.lists(st.integers(0, 400), max_size=20))
def test_frames_cut_anywhere_are_the_same_frames(frames: list[tuple[int, bytes]], cuts: list[int]) -> None:
    sent = b"".join(frame(key, content) for key, content in frames)
    places = sorted({min(cut, len(sent)) for cut in cuts} | {0, len(sent)})
    reader, found = FrameReader(), []
    for begin, end in pairwise(places):
        found += reader.feed(sent[begin:end])
    assert found == frames


@given(FRAMES)
def test_frames_that_come_byte_by_byte_are_the_same_frames(frames: list[tuple[int, bytes]]) -> None:
    reader = FrameReader()
    found = [each for byte in b"".join(frame(*each) for each in frames) for each in reader.feed(bytes((byte,)))]
    assert found == frames


def test_a_frame_is_returned_as_soon_as_it_is_whole() -> None:
    reader, sent = FrameReader(), frame(8, b"abc")
    assert reader.feed(sent[:-1]) == []
    assert reader.feed(sent[-1:] + sent) == [(8, b"abc"), (8, b"abc")]


@pytest.mark.parametrize("size", [0, 3, (1 << 30) + 1, int.from_bytes(b"HTTP", "big"), int.from_bytes(b"AMQP", "big")])
def test_a_size_that_no_frame_has_is_nonsense(size: int) -> None:
    with pytest.raises(NonsenseError, match=f"a frame of {size} bytes"):
        FrameReader().feed(u32(size))


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_bytes_that_are_no_frames_are_nonsense_and_nothing_worse(pieces: list[bytes]) -> None:
    reader = FrameReader()
    try:
        for piece in pieces:
            reader.feed(piece)
    except NonsenseError as nonsense:
        assert str(nonsense)  # noqa: PT017  bytes that can be read are right, too


def test_no_memory_is_taken_for_what_was_only_claimed() -> None:
    tracemalloc.start()
    try:
        assert FrameReader().feed(u32(1 << 30) + b"\x00\x08\x00\x01") == []
        assert tracemalloc.get_traced_memory()[1] < 1 << 16
    finally:
        tracemalloc.stop()


def test_a_large_frame_in_small_pieces_is_copied_a_few_times_only() -> None:
    """Memory tells: every piece that is kept for later is the one that came, and no copy of all before it."""
    reader, piece = FrameReader(), bytes(1 << 10)
    reader.feed(u32(1 << 22) + b"\x00\x08\x00\x01")
    tracemalloc.start()
    try:
        for _ in range(1000):
            assert reader.feed(piece) == []
        assert tracemalloc.get_traced_memory()[1] < 1 << 18
    finally:
        tracemalloc.stop()


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.binary(max_size=30))
def test_what_is_made_is_cut_again(key: int, correlation: int, content: bytes) -> None:
    made = command(key, content) + request(key, correlation, content)
    assert FrameReader().feed(made) == [(key, content), (key, u32(correlation) + content)]


@given(st.binary(max_size=50), st.lists(st.text("aä€", max_size=9)), st.dictionaries(st.text("xyü"), st.text("xyü")))
def test_fields_are_as_described(value: bytes, words: list[str], pairs: dict[str, str]) -> None:
    assert Reader(data(value)).read("bytes") == value
    assert Reader(texts(words)).read("strings") == words
    assert Reader(properties(pairs)).read("map") == pairs
