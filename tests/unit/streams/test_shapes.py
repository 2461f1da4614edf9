"""A message reads the same whether its shape was known or not, ours or anybody's, whole or damaged."""

import struct
from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from infirmary_streams import amqp10
from infirmary_streams.errors import NonsenseError
from infirmary_streams.received import Received, received
from infirmary_streams.sections import APP_ID, TYPE, encoded, with_body
from infirmary_streams.shape_of import shape_of
from infirmary_streams.shapes import Shapes

texts = st.one_of(st.text(max_size=12), st.text("x", min_size=250, max_size=300))
small = st.binary(max_size=300)


def ours(subject: str, sequence: int, body: bytes, correlation: str | None = None, parts: int = 1) -> bytes:
    sections = encoded(
        message_id="0190-1",
        source="ward",
        message_type="BedFreed",
        subject=subject,
        time=datetime(2026, 11, 26, tzinfo=UTC),
        correlation_id=correlation,
        parts=parts,
    )
    return with_body(sections + struct.pack(">q", sequence), body)


def sized(short: int, long: int, content: bytes) -> bytes:
    size = len(content)
    return bytes((short, size)) + content if size < 256 else struct.pack(">BI", long, size) + content


def fixed(size: int, *kinds: int) -> st.SearchStrategy[bytes]:
    content = st.binary(min_size=size, max_size=size)
    return st.builds(lambda kind, data: bytes((kind,)) + data, st.sampled_from(kinds), content)


values = st.one_of(
    st.sampled_from([b"\x40", b"\x41", b"\x42", b"\x43", b"\x44", b"\x45"]),
    fixed(1, 0x50, 0x51, 0x52, 0x55, 0x56),
    fixed(8, 0x80, 0x81, 0x82, 0x83),
    fixed(16, 0x98),
    st.builds(lambda data: sized(0xA0, 0xB0, data), small),
    st.builds(lambda value: sized(0xA1, 0xB1, value.encode()), texts),
    st.builds(lambda data: sized(0xA1, 0xB1, data), small),
    st.builds(lambda value: sized(0xA3, 0xB3, value.encode()), texts),
    st.builds(lambda data: sized(0xC0, 0xD0, b"\x01" + sized(0xA1, 0xB1, data)), st.binary(max_size=9)),
)
keys = st.one_of(
    st.sampled_from([amqp10.text(each) for each in (TYPE, APP_ID, "subject", "sequence", "a")]),
    st.sampled_from([amqp10.symbol(TYPE), b"\x50\x07"]),
    st.builds(amqp10.text, st.text(max_size=3)),
)
pairs = st.lists(st.tuples(keys, values), max_size=6)
parts_of_a_message = st.tuples(st.booleans(), pairs, st.lists(values, max_size=13), pairs, small, st.booleans())


def a_map(number: int, pairs_of_it: list[tuple[bytes, bytes]], long: bool) -> bytes:
    content = b"".join(key + value for key, value in pairs_of_it)
    if long:
        head = struct.pack(">BII", 0xD1, len(content) + 4, 2 * len(pairs_of_it))
        return b"\x00\x53" + bytes((number,)) + head + content
    return amqp10.map_section(number, content, len(pairs_of_it))


def anybodys(made_of: tuple[bool, Any, Any, Any, bytes, bool]) -> bytes:
    has_header, annotations, properties, application, body, long = made_of
    message = b"\x00\x53\x70\xc0\x02\x01\x41" if has_header else b""
    message += a_map(amqp10.ANNOTATIONS, annotations, long) if annotations else b""
    message += amqp10.list_section(amqp10.PROPERTIES, b"".join(properties), len(properties)) if properties else b""
    message += a_map(amqp10.APPLICATION, application, long) if application else b""
    return with_body(message, body)


def read(message: bytes) -> Received | str:
    try:
        return received(message)
    except NonsenseError as nonsense:
        return str(nonsense)


def read_knowing(shapes: Shapes, message: bytes) -> Received | str:
    try:
        return shapes.received(message)
    except NonsenseError as nonsense:
        return str(nonsense)


def same(one: Received | str, other: Received | str) -> bool:
    return bool(plain(one) == plain(other))


def plain(found: Received | str) -> Any:
    """What was read as texts, because a NaN is not even itself."""
    if isinstance(found, str):
        return found
    headers = found.properties["application_headers"]
    others = {name: value for name, value in found.properties.items() if value is not headers}
    return sorted(map(repr, headers.items())), sorted(map(repr, others.items())), found.body


def test_our_own_messages_are_read_by_the_shape_of_the_first() -> None:
    first = shape_of(ours("a", 1, b"{}"))
    assert first is not None
    for message in (ours("bed 17", 2**40, b"x" * 400), ours("é" * 90, -1, b""), ours("b", 5, b"y" * 255)):
        assert first.read(message) == received(message)
    assert first.read(ours("a", 1, b"{}", correlation="c")) is None


correlations = st.none() | st.text(min_size=1, max_size=40)


@given(st.lists(st.builds(ours, st.text(max_size=60), st.integers(0, 2**62), small, correlations, st.integers(1, 4))))
def test_our_own_messages_read_the_same_in_both_ways(messages: list[bytes]) -> None:
    shapes = Shapes(shape_of)
    for message in messages:
        assert same(read_knowing(shapes, message), read(message))


@given(
    st.lists(parts_of_a_message, min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3),
)
@example([(False, [], [b"\x40"] * 10 + [b"\xa1\x01x"], [(amqp10.text(APP_ID), b"\xa1\x01y")], b"", False)], [])
def test_anybodys_messages_read_the_same_in_both_ways_and_damaged_ones_too(
    several: list[Any], damage: list[tuple[int, int]]
) -> None:
    shapes = Shapes(shape_of)
    messages = [anybodys(each) for each in several]
    for message in messages:
        damaged = bytearray(message)
        for at, value in damage:
            damaged[at % len(damaged)] = value
        for each in (message, bytes(damaged), message[: -1 - len(damage)], bytes(damaged)):
            assert same(read_knowing(shapes, each), read(each))


def test_a_message_in_which_one_byte_differs_reads_the_same_in_both_ways() -> None:
    message = ours("a", 1, b"{}", correlation="c")
    shape = shape_of(message)
    assert shape is not None
    for at in range(len(message)):
        for value in {message[at] ^ 1, message[at] + 1 & 255, message[at] ^ 0x80, 0}:
            changed = bytearray(message)
            changed[at] = value
            found = shape.read(bytes(changed))
            assert found is None or same(found, read(bytes(changed))), (at, value)


def test_a_log_of_ever_new_shapes_stops_making_them() -> None:
    made = 0

    def make(message: bytes) -> None:
        nonlocal made
        made += 1

    shapes = Shapes(make)
    for number in range(500):
        shapes.received(ours(str(number), 1, b""))
    assert made < 100
