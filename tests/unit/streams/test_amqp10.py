"""Values of AMQP 1.0 are read, of every type; anything else is nonsense and nothing worse."""

import math
import struct
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_streams import amqp10
from infirmary_streams.errors import NonsenseError


def read(data: bytes) -> Any:
    part = amqp10.part_at(data, 0)
    assert part.end == len(data)
    return amqp10.value_of(data, part)


def sized(kind: int, content: bytes) -> bytes:
    """A value of one byte of length, or of four when the type's code says so."""
    width = ">I" if kind & 0x10 else ">B"
    return bytes((kind,)) + struct.pack(width, len(content)) + content


def compound(kind: int, content: bytes, count: int) -> bytes:
    return sized(kind, struct.pack(">I" if kind & 0x10 else ">B", count) + content)


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        (b"\x40", None),
        (b"\x41", True),
        (b"\x42", False),
        (b"\x56\x01", True),
        (b"\x56\x00", False),
        (b"\x50\xff", 255),
        (b"\x51\xff", -1),
        (b"\x60\xff\xff", 65535),
        (b"\x61\xff\xfe", -2),
        (b"\x70\xff\xff\xff\xff", 2**32 - 1),
        (b"\x52\xff", 255),
        (b"\x43", 0),
        (b"\x71\xff\xff\xff\xff", -1),
        (b"\x54\x80", -128),
        (b"\x80" + b"\xff" * 8, 2**64 - 1),
        (b"\x53\x80", 128),
        (b"\x44", 0),
        (b"\x81\x80" + bytes(7), -(2**63)),
        (b"\x55\xff", -1),
        (b"\x72\x3f\xc0\x00\x00", 1.5),
        (b"\x82\x3f\xf8" + bytes(6), 1.5),
        (b"\x73\x00\x01\xf3\xe5", "\U0001f3e5"),
        (b"\x73\xff\xff\xff\xff", "\ufffd"),
        (b"\x74abcd", b"abcd"),
        (b"\x84abcdefgh", b"abcdefgh"),
        (b"\x94abcdefghabcdefgh", b"abcdefghabcdefgh"),
        (b"\x83" + struct.pack(">q", -1), -1),
        (b"\x98" + UUID(int=7).bytes, str(UUID(int=7))),
        (sized(0xA0, b"\xff"), b"\xff"),
        (sized(0xB0, b"\xff" * 300), b"\xff" * 300),
        (sized(0xA1, "ä".encode()), "ä"),
        (sized(0xB1, "ä".encode() * 300), "ä" * 300),
        (sized(0xA3, b"symbol"), "symbol"),
        (sized(0xB3, b"symbol"), "symbol"),
        (sized(0xA1, b"\xff"), "\udcff"),
        (b"\x45", []),
        (compound(0xC0, b"\x41\x40", 2), [True, None]),
        (compound(0xD0, b"\x41\x40", 2), [True, None]),
        (compound(0xC1, sized(0xA1, b"a") + b"\x41", 2), {"a": True}),
        (compound(0xD1, sized(0xA3, b"a") + b"\x45", 2), {"a": []}),
        (compound(0xE0, b"\x50\x01\x02", 2), [1, 2]),
        (compound(0xF0, b"\xa1" + b"\x01a" + b"\x00", 2), ["a", ""]),
        (compound(0xF0, b"\xb1" + b"\x00\x00\x00\x01a", 1), ["a"]),
        (compound(0xE0, b"\xa1", 0), []),
    ],
)
def test_a_value_of_every_type_is_read(encoded: bytes, value: Any) -> None:
    assert read(encoded) == value
    assert type(read(encoded)) is type(value)


def test_a_number_that_is_none_is_read() -> None:
    assert math.isnan(read(b"\x72\x7f\xc0\x00\x00"))


@given(st.text(max_size=600), st.integers(-(2**63), 2**63 - 1))
def test_what_is_written_is_read(text: str, number: int) -> None:
    assert read(amqp10.text(text)) == read(amqp10.symbol(text)) == text
    assert read(amqp10.long(number)) == read(amqp10.timestamp(number)) == number


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_an_integer_of_more_than_64_bits_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="no integer of 64 bits"):
        amqp10.long(number)


@given(st.lists(st.text(max_size=100), max_size=300))
def test_sections_are_as_long_as_they_say(values: list[str]) -> None:
    content = b"".join(map(amqp10.text, values))
    listed = amqp10.list_section(amqp10.PROPERTIES, content, len(values))
    mapped = amqp10.map_section(amqp10.APPLICATION, content + content, len(values))
    first, second = amqp10.sections(listed + mapped)
    assert (first.number, second.number) == (0x73, 0x74)
    assert amqp10.value_of(listed, first.value) == values
    assert len(amqp10.elements(listed + mapped, second.value)) == 2 * len(values)


@given(st.binary(max_size=80))
def test_bytes_that_are_no_value_are_nonsense_and_nothing_worse(data: bytes) -> None:
    try:
        amqp10.value_of(data, amqp10.part_at(data, 0))
    except NonsenseError as nonsense:
        assert str(nonsense)  # noqa: PT017  bytes that can be read are right, too


VALUES = st.recursive(
    st.sampled_from([b"\x40", b"\x41", b"\x54\x07", sized(0xA1, b"t"), sized(0xB0, b"b")]),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda each: compound(0xC0 | 0x10, b"".join(each), len(each)))
        | st.lists(inner, max_size=4).map(
            lambda each: compound(
                0xD1, b"".join(sized(0xA1, b"k%d" % at) + it for at, it in enumerate(each)), 2 * len(each)
            )
        )
    ),
    max_leaves=20,
)


@given(VALUES, st.data())
def test_a_value_with_a_changed_byte_is_read_or_nonsense(value: bytes, data: st.DataObject) -> None:
    changed = bytearray(value)
    changed[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        amqp10.value_of(bytes(changed), amqp10.part_at(bytes(changed), 0))
    except NonsenseError as nonsense:
        assert str(nonsense)  # noqa: PT017  bytes that can be read are right, too


@pytest.mark.parametrize("kind", [0xC0, 0xC1])
def test_tables_within_tables_are_read_to_a_depth_and_no_deeper(kind: int) -> None:
    value = b"\x40"
    for _ in range(8):
        value = compound(0xD0, value, 1) if kind == 0xC0 else compound(0xD1, sized(0xA1, b"k") + value, 2)
    assert read(value)
    for _ in range(1000):
        value = compound(0xD0, value, 1) if kind == 0xC0 else compound(0xD1, sized(0xA1, b"k") + value, 2)
    with pytest.raises(NonsenseError, match="too deeply"):
        read(value)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"\x00",
        b"\x81",
        sized(0xA1, b"ab")[:-1],
        b"\x10",
        b"\x46",
        compound(0xC0, b"\x40", 2),
        compound(0xC0, b"\x40\x40", 1),
        compound(0xC1, b"\x40", 1),
        compound(0xC1, b"\x40\x40", 2),
        compound(0xC0, b"\xa1\x09a", 1),
        b"\xc0\x00",
        compound(0xD0, b"", 0xFFFFFFFF),
        compound(0xF0, b"\x40", 0xFFFFFFFF),
        compound(0xF0, b"\x50", 0xFFFFFFFF),
        compound(0xE0, b"\x50\x01", 2),
        compound(0xE0, b"\x50\x01\x02", 1),
        compound(0xE0, b"\xa1\x09a", 1),
        b"\xe0\x01\x00",
    ],
)
def test_what_is_not_as_long_as_it_says_or_of_no_known_type_is_nonsense(nonsense: bytes) -> None:
    with pytest.raises(NonsenseError):
        read(nonsense)
