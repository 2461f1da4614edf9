"""Messages of strangers are read as an AMQP 0-9-1 reader would see them; what is none is nonsense and nothing worse."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_streams import amqp10, sections
from infirmary_streams.amqp10 import symbol, text
from infirmary_streams.errors import NonsenseError
from infirmary_streams.received import Received, received
from tests.unit.streams.described import u64
from tests.unit.streams.test_amqp10 import VALUES, sized
from tests.unit.streams.test_sections import REQUIRED, WRITTEN

NULL = b"\x40"


def data(body: bytes) -> bytes:
    return b"\x00\x53\x75" + sized(0xB0, body)


def properties(*values: bytes) -> bytes:
    return amqp10.list_section(amqp10.PROPERTIES, b"".join(values), len(values))


def table(number: int, pairs: dict[bytes, bytes]) -> bytes:
    return amqp10.map_section(number, b"".join(key + value for key, value in pairs.items()), len(pairs))


def headers_of(message: bytes) -> dict[str, Any]:
    return dict(received(message).properties["application_headers"])


def test_several_pieces_of_a_body_are_one() -> None:
    assert received(data(b"one ") + data(b"") + data(b"two")).body == b"one two"


def test_nothing_but_a_body_is_a_message() -> None:
    assert received(data(b"body")) == Received({"application_headers": {}}, b"body")


@pytest.mark.parametrize(
    ("encoded", "read"),
    [
        (text("m"), "m"),
        (b"\x80" + u64(7), "7"),
        (b"\x53\x07", "7"),
        (b"\x98" + UUID(int=7).bytes, str(UUID(int=7))),
        (sized(0xA0, b"\xff"), None),
        (NULL, None),
    ],
)
def test_an_id_is_text_of_whatever_type_it_is(encoded: bytes, read: str | None) -> None:
    found = received(properties(encoded, NULL, NULL, NULL, NULL, encoded) + data(b"")).properties
    assert (found.get("message_id"), found.get("correlation_id")) == (read, read)


@pytest.mark.parametrize("count", range(12))
def test_properties_may_end_early_or_hold_more(count: int) -> None:
    every = [text(f"v{at}") for at in range(9)] + [b"\x83" + u64(1_700_000_000_999), text("ward"), text("more")]
    found = received(properties(*every[:count]) + data(b"")).properties
    expected = {"message_id": (0, "v0"), "correlation_id": (5, "v5"), "content_type": (6, "v6"),
                "timestamp": (9, 1_700_000_000), "app_id": (10, "ward")}  # fmt: skip
    assert found == {"application_headers": {}} | {name: is_ for name, (at, is_) in expected.items() if at < count}


@pytest.mark.parametrize("number", [amqp10.HEADER, amqp10.DELIVERY_ANNOTATIONS, amqp10.FOOTER, 0x99])
def test_other_sections_are_passed_over(number: int) -> None:
    other = table(number, {b"\x53\x01": b"\x41"})
    assert received(other + data(b"body") + other).body == b"body"


@pytest.mark.parametrize("number", [amqp10.SEQUENCE, amqp10.VALUE])
def test_a_body_that_is_a_value_is_told(number: int) -> None:
    with pytest.raises(NonsenseError, match=r"a value of AMQP 1\.0, and no bytes"):
        received(amqp10.list_section(number, NULL, 1))


def test_a_body_of_another_type_is_told() -> None:
    with pytest.raises(NonsenseError, match="0xa1, which is not binary"):
        received(b"\x00\x53\x75" + text("body"))


def test_a_section_that_is_named_by_a_symbol_is_told() -> None:
    """AMQP 1.0 allows it; nobody writes it; read as a number it would be passed over, with the body in it."""
    with pytest.raises(NonsenseError, match="a section whose number is of type 0xa3"):
        received(b"\x00" + symbol("amqp:data:binary") + sized(0xA0, b"body"))


def test_type_and_source_are_found_where_rabbitmq_puts_them() -> None:
    old = table(amqp10.APPLICATION, {text("x-basic-type"): text("T"), text("x-basic-app-id"): text("ward")})
    new = table(amqp10.ANNOTATIONS, {symbol("x-basic-type"): text("T")}) + properties(*[NULL] * 10, text("ward"))
    for message in (old, new, new + old):
        found = received(message + data(b"")).properties
        assert found == {"application_headers": {}, "type": "T", "app_id": "ward"}


def test_headers_that_begin_with_x_are_found_where_rabbitmq_puts_them() -> None:
    annotations = table(
        amqp10.ANNOTATIONS,
        {
            b"\x80" + u64(3): NULL,
            symbol("x-mine"): text("1"),
            symbol("x-both"): text("1"),
            symbol("x-exchange"): text(""),
            symbol("x-routing-key"): text("ward.events"),
            symbol("x-basic-priority"): b"\x50\x03",
            symbol("x-opt-deaths"): NULL,
            symbol("not-ours"): text("1"),
        },
    )
    application = table(amqp10.APPLICATION, {text("x-both"): text("2"), text("sequence"): b"\x55\x05"})
    assert headers_of(annotations + application) == {"x-mine": "1", "x-both": "2", "sequence": 5}
    assert headers_of(annotations) == {"x-mine": "1", "x-both": "1"}


def test_a_header_of_another_key_than_text_is_told() -> None:
    with pytest.raises(NonsenseError, match="a key of type 0x53"):
        received(table(amqp10.APPLICATION, {b"\x53\x01": NULL}))


@given(st.dictionaries(st.text(max_size=9), VALUES, max_size=4))
def test_headers_of_any_type_are_read(pairs: dict[str, bytes]) -> None:
    found = headers_of(table(amqp10.APPLICATION, {text(key): value for key, value in pairs.items()}))
    assert found == {key: amqp10.value_of(value, amqp10.part_at(value, 0)) for key, value in pairs.items()}


@given(st.binary(max_size=100) | st.binary(max_size=100).map(lambda rest: b"\x00\x53\x74" + rest))
def test_bytes_that_are_no_message_are_nonsense_and_nothing_worse(message: bytes) -> None:
    _read_or_nonsense(message)


@given(WRITTEN, st.data())
def test_a_message_with_changed_bytes_is_read_or_nonsense(written: dict[str, Any], data: st.DataObject) -> None:
    message = bytearray(sections.with_body(sections.encoded(**written) + u64(1), b"body"))
    for _ in range(data.draw(st.integers(1, 3))):
        message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    _read_or_nonsense(bytes(message))


@given(st.data())
def test_a_message_that_ends_within_a_section_is_nonsense(data: st.DataObject) -> None:
    message = sections.with_body(sections.encoded(**REQUIRED) + u64(1), b"body")
    ends = {value.end for _, value in amqp10.sections(message)}
    with pytest.raises(NonsenseError):
        received(message[: data.draw(st.sampled_from(sorted(set(range(1, len(message))) - ends)))])


def _read_or_nonsense(message: bytes) -> None:
    try:
        received(message)
    except NonsenseError as nonsense:
        assert str(nonsense)  # noqa: PT017  bytes that can be read are right, too
