"""Values of AMQP 1.0 and the sections of a message: read and written. Pure.

Specification: OASIS AMQP 1.0, part 1 (types) and part 3, section 3.2 (message format). A value begins with a byte that
tells its type, and the upper half of that byte how long it is.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple
from uuid import UUID

from infirmary_streams.errors import NonsenseError

HEADER, DELIVERY_ANNOTATIONS, ANNOTATIONS, PROPERTIES, APPLICATION, DATA, SEQUENCE, VALUE, FOOTER = range(0x70, 0x79)
NULL, ULONG, LONG, TIMESTAMP, BYTE, UBYTE = 0x40, 0x80, 0x81, 0x83, 0x51, 0x50
TEXTS: Final = frozenset({0xA1, 0xB1, 0xA3, 0xB3})
"""Texts and symbols."""
_FIXED: Final = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}
_SIZED: Final = {0xA: 1, 0xB: 4, 0xC: 1, 0xD: 4, 0xE: 1, 0xF: 4}
_LISTS, _MAPS, _ARRAYS = frozenset({0x45, 0xC0, 0xD0}), frozenset({0xC1, 0xD1}), frozenset({0xE0, 0xF0})
_SECTION_NUMBERS: Final = frozenset({0x53, 0x80})
_TEXT_HEADS: Final = [bytes((0xA1, size)) for size in range(256)]
_DEEPEST: Final = 8
"""Tables within tables that are still read."""


class Part(NamedTuple):
    """A value where it stands: its type, and where its content begins and ends, its length left out."""

    kind: int
    begin: int
    end: int


class Section(NamedTuple):
    """A section of a message: its number, its value, and where the section ends."""

    number: int
    value: Part


def part_at(data: bytes, at: int) -> Part:
    """Finds the value that begins at a place.

    Raises:
        NonsenseError: None does, or it is longer than the data.
    """
    try:
        kind = data[at]
        width = _FIXED.get(kind >> 4)
        if width is not None:
            begin, end = at + 1, at + 1 + width
        else:
            size = _SIZED[kind >> 4]
            begin = at + 1 + size
            end = begin + int.from_bytes(data[at + 1 : begin], "big")
    except (IndexError, KeyError) as odd:
        raise NonsenseError(f"no AMQP 1.0 value begins at byte {at} of {len(data)}") from odd
    if end > len(data):
        raise NonsenseError(f"an AMQP 1.0 value at byte {at} ends beyond the {len(data)} bytes that there are")
    return Part(kind, begin, end)


def sections(data: bytes) -> Iterator[Section]:
    """The sections of a message, in their order.

    Raises:
        NonsenseError: It is not made of sections.
    """
    at = 0
    while at < len(data):
        if data[at] != 0:
            raise NonsenseError(f"no section begins at byte {at} of {len(data)}")
        descriptor = part_at(data, at + 1)
        if descriptor.kind not in _SECTION_NUMBERS:
            raise NonsenseError(f"a section whose number is of type {descriptor.kind:#x}")
        value = part_at(data, descriptor.end)
        yield Section(int.from_bytes(data[descriptor.begin : descriptor.end], "big"), value)
        at = value.end


def elements(data: bytes, part: Part) -> list[Part]:
    """The values in a list, or the keys and values of a map in turns.

    Raises:
        NonsenseError: It is neither.
    """
    if part.kind == 0x45:
        return []
    width = 1 if part.kind in (0xC0, 0xC1) else 4
    if part.kind not in _LISTS | _MAPS or part.begin + width > part.end:
        raise NonsenseError(f"a value of type {part.kind:#x} where a list or a map should be")
    at = part.begin + width
    count = int.from_bytes(data[part.begin : at], "big")
    if count > part.end - at:
        raise NonsenseError(f"a list or a map of {count} values in {part.end - at} bytes")
    found: list[Part] = []
    for _ in range(count):
        found.append(part_at(data, at))
        at = found[-1].end
    if at != part.end:
        raise NonsenseError("a list or a map does not end where it said it would")
    if part.kind in _MAPS and len(found) % 2:
        raise NonsenseError("a map has a key without a value")
    return found


def _items(data: bytes, part: Part) -> list[Part]:
    """The values in an array, which tells their type once, at its beginning."""
    width = 1 if part.kind == 0xE0 else 4
    first = part.begin + width + 1
    if first > part.end:
        raise NonsenseError("an array ends before its first value")
    count, kind = int.from_bytes(data[part.begin : first - 1], "big"), data[first - 1]
    fixed, size = _FIXED.get(kind >> 4), _SIZED.get(kind >> 4, 0)
    if not (fixed or size) or count > part.end - first:
        raise NonsenseError(f"an array of {count} values of type {kind:#x} in {part.end - part.begin} bytes")
    found: list[Part] = []
    at = first
    for _ in range(count):
        begin = at + size
        at = begin + (fixed if fixed is not None else int.from_bytes(data[at:begin], "big"))
        if at > part.end:
            break
        found.append(Part(kind, begin, at))
    if at != part.end:
        raise NonsenseError("an array does not end where it said it would")
    return found


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def _unsigned(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _character(data: bytes) -> str:
    return data.decode("utf-32-be", errors="replace")


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


_READ: Final[dict[int, Callable[[bytes], Any]]] = {
    0x40: lambda _: None,
    0x41: lambda _: True,
    0x42: lambda _: False,
    0x56: lambda data: data != b"\0",
    0x72: lambda data: struct.unpack(">f", data)[0],
    0x73: _character,
    0x82: lambda data: struct.unpack(">d", data)[0],
    0x98: lambda data: str(UUID(bytes=data)),
    **dict.fromkeys((0x43, 0x44, 0x50, 0x52, 0x53, 0x60, 0x70, 0x80), _unsigned),
    **dict.fromkeys((0x51, 0x54, 0x55, 0x61, 0x71, 0x81, 0x83), _signed),
    **dict.fromkeys((0x74, 0x84, 0x94, 0xA0, 0xB0), bytes),
    **dict.fromkeys(TEXTS, _text),
}


def reader_of(kind: int) -> Callable[[bytes], Any] | None:
    """What makes the content of a value of this type one of Python; None for lists, maps and unknown types."""
    return _READ.get(kind)


def value_of(data: bytes, part: Part, depth: int = 0) -> Any:
    """What a value is in Python; texts that are no UTF-8 keep their bytes as half surrogates, decimals are bytes.

    Raises:
        NonsenseError: Its type is unknown, or tables stand in each other too deeply.
    """
    read = _READ.get(part.kind)
    if read is not None:
        return read(data[part.begin : part.end])
    if depth > _DEEPEST:
        raise NonsenseError("tables stand in each other too deeply")
    if part.kind in _LISTS:
        return [value_of(data, each, depth + 1) for each in elements(data, part)]
    if part.kind in _MAPS:
        return mapping(data, part, depth + 1)
    if part.kind in _ARRAYS:
        return [value_of(data, each, depth + 1) for each in _items(data, part)]
    raise NonsenseError(f"a value of the unknown type {part.kind:#x}")


def mapping(data: bytes, part: Part, depth: int = 0) -> dict[str, Any]:
    """A map whose keys are texts.

    Raises:
        NonsenseError: It is none.
    """
    found = iter(elements(data, part))
    read: dict[str, Any] = {}
    for key in found:
        if key.kind not in TEXTS:
            raise NonsenseError(f"a key of type {key.kind:#x} where a text should be")
        read[_text(data[key.begin : key.end])] = value_of(data, next(found), depth)
    return read


def text(value: str) -> bytes:
    """A text."""
    data = value.encode()
    size = len(data)
    return _TEXT_HEADS[size] + data if size < 256 else struct.pack(">BI", 0xB1, size) + data


def symbol(value: str) -> bytes:
    """A symbol: a text of a vocabulary."""
    data = value.encode()
    size = len(data)
    return bytes((0xA3, size)) + data if size < 256 else struct.pack(">BI", 0xB3, size) + data


def long(value: int) -> bytes:
    """An integer of 64 bits.

    Raises:
        ValueError: It has more.
    """
    try:
        return b"\x81" + value.to_bytes(8, "big", signed=True)
    except OverflowError:
        raise ValueError(f"{value!r:.40} is no integer of 64 bits") from None


def timestamp(milliseconds: int) -> bytes:
    """A moment, in milliseconds of unix time."""
    return b"\x83" + milliseconds.to_bytes(8, "big", signed=True)


def list_section(number: int, values: bytes, count: int) -> bytes:
    """A section that is a list of encoded values."""
    return b"\x00\x53" + bytes((number,)) + compound(0xC0, values, count)


def map_section(number: int, pairs: bytes, count: int) -> bytes:
    """A section that is a map of `count` encoded keys with their values."""
    return b"\x00\x53" + bytes((number,)) + compound(0xC1, pairs, 2 * count)


def compound(kind: int, content: bytes, count: int) -> bytes:
    """A list (kind 0xC0) or a map (0xC1) of `count` encoded values; in a map keys count as well."""
    size = len(content) + 1
    if size < 256 and count < 256:
        return bytes((kind, size, count)) + content
    return struct.pack(">BII", kind + 0x10, len(content) + 4, count) + content
