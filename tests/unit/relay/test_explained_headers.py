"""Whoever writes rows without the library is told what a header holds, and what is wrong in it by the field's name."""

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.headers.explained import explained
from infirmary_relay.headers.forms import Forms
from infirmary_streams import amqp10, sections
from infirmary_streams.amqp10 import long, symbol, text, timestamp
from tests.unit.relay.written_headers import BODY, accepts, by_streams, version_1
from tests.unit.streams.described import u64
from tests.unit.streams.test_sections import REQUIRED, WRITTEN

MESSAGE_ID = "0198c5f0-8a5e-7cc2-b1d5-6f1c1d1a9f6e"
GOOD = sections.encoded(**REQUIRED | {"message_id": MESSAGE_ID}) + u64(1)
OLD: dict[str, Any] = {
    "message_id": MESSAGE_ID,
    "type": "BedReserved",
    "app_id": "ward",
    "content_type": "application/json",
    "delivery_mode": 2,
    "timestamp": int(REQUIRED["time"].timestamp()),
    "application_headers": {"subject": "bed/7", "time": REQUIRED["time"].isoformat(), "sequence": 1},
}


@given(WRITTEN, st.uuids().map(str), st.integers(1, 2**63 - 1), st.booleans())
def test_of_what_the_library_writes_all_is_told_and_nothing_is_wrong(
    written: dict[str, Any], message_id: str, sequence: int, numbered: bool
) -> None:
    at = written["time"].astimezone(UTC)  # RFC 3339 has no zones of seconds
    header = sections.encoded(**written | {"message_id": message_id, "time": at}, numbered=numbered)
    said = explained(header + u64(sequence) if numbered else header)
    assert (said.version, said.wrong) == (2, [])
    told = {field.name: field.value for field in said.fields}
    assert (told["message-id"], told["subject"], told["group-id"]) == (
        message_id,
        written["subject"],
        written["source"],
    )
    assert told.get("sequence") == (sequence if numbered else None)
    assert told["creation-time"] == int(at.timestamp()) * 1000


@given(st.data())
def test_whatever_the_relay_would_hold_back_is_told(data: st.DataObject) -> None:
    header = bytearray(GOOD)
    for _ in range(data.draw(st.integers(0, 3))):
        header[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(header)) | st.just(len(header)))
    said = explained(bytes(header[:end]))
    if not said.wrong:
        assert accepts(Forms(), bytes(header[:end])) or said.version == 1


@given(st.binary(max_size=80))
def test_any_bytes_are_explained(rest: bytes) -> None:
    assert explained(b"\x00\x3c" + rest, 4).wrong
    assert explained(b"\x00\x53" + rest).wrong


def with_property(place: int, value: bytes) -> bytes:
    """The header with another value in the place of a property."""
    begins, ends = GOOD.index(b"\x00\x53\x73"), GOOD.index(b"\x00\x53\x74")
    parts = amqp10.elements(GOOD, dict(amqp10.sections(GOOD))[amqp10.PROPERTIES])
    starts = [parts[0].begin - 2, *(part.end for part in parts[:-1])]
    values = [GOOD[start : part.end] for start, part in zip(starts, parts, strict=True)]
    values[place] = value
    return GOOD[:begins] + amqp10.list_section(amqp10.PROPERTIES, b"".join(values), len(values)) + GOOD[ends:]


def with_pairs(*pairs: bytes) -> bytes:
    """The header with these application properties."""
    begins = GOOD.index(b"\x00\x53\x74")
    return GOOD[:begins] + amqp10.map_section(amqp10.APPLICATION, b"".join(pairs), len(pairs))


KIND, FROM = text(sections.TYPE) + text("BedReserved"), text(sections.APP_ID) + text("ward")
SUBJECT, TIME = text("subject") + text("bed/7"), text("time") + text(REQUIRED["time"].isoformat())
SEQUENCE = text("sequence") + long(1)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (with_property(0, text("m")), "its message-id among the properties is 'm', and should be a UUID"),
        (with_property(0, b"\x98" + bytes(16)), "its message-id is of type 0x98, and should be of 0xa1"),
        (with_property(6, text("application/json")), "its content-type is of type 0xa1, and should be of 0xa3"),
        (with_property(10, b"\x40"), "its group-id is missing among the properties"),
        (with_property(9, timestamp(1795694401)), "its creation-time is 1970-01-21T18:48:14"),
        (with_property(9, b"\x40"), "its creation-time is missing among the properties: milliseconds"),
        (with_pairs(KIND, SUBJECT, TIME, SEQUENCE), "its x-basic-app-id among the application properties is missing"),
        (with_pairs(FROM, SUBJECT, TIME, SEQUENCE), "its x-basic-type among the application properties is missing"),
        (with_pairs(KIND, FROM, TIME, SEQUENCE), "its subject is missing among the application properties"),
        (with_pairs(KIND, FROM, SUBJECT, SEQUENCE), "its time is missing among the application properties"),
        (with_pairs(KIND, FROM, SUBJECT, text("time") + text("2026-11-26 12:00"), SEQUENCE), "its time among the"),
        (with_pairs(KIND, FROM, SEQUENCE, SUBJECT, TIME), "its sequence is not the last of the application properties"),
        (with_pairs(KIND, FROM, SUBJECT, TIME, text("sequence") + b"\x55\x01"), "its sequence is not the last"),
        (with_pairs(KIND, FROM, SUBJECT, TIME, text("sequence") + long(0)), "its sequence is 0, and should be 1, 2, 3"),
        (GOOD[:-8], "what stands behind its properties cannot be read"),
        (GOOD + b"\x00", "what stands behind its application properties cannot be read"),
        (GOOD[GOOD.index(b"\x00\x53\x73") :], "its x-basic-delivery-mode is missing among the message annotations"),
        (sections.with_body(GOOD, BODY), "a section with the code 75 does not belong in a header"),
        (b"{}", "it begins with 7b 7d: one of version 2 with 00 53 72, of version 1 with 00 3c"),
        (b"", "it begins with nothing"),
    ],
)
def test_what_is_wrong_is_told_by_the_fields_name(header: bytes, told: str) -> None:
    assert any(told in each for each in explained(header).wrong), explained(header).wrong


def test_a_header_of_the_release_before_is_explained_as_well() -> None:
    said = explained(version_1(OLD), len(BODY))
    assert (said.version, said.wrong) == (1, [])
    assert {field.name for field in said.fields} == {*OLD, "subject", "time", "sequence"} - {"application_headers"}


@pytest.mark.parametrize(
    ("without", "told"),
    [
        ("message_id", "its message_id is missing among the properties"),
        ("delivery_mode", "its delivery_mode is not 2"),
        ("application_headers", "its subject is missing among the headers"),
    ],
)
def test_what_one_of_the_release_before_lacks_is_told(without: str, told: str) -> None:
    said = explained(version_1({key: value for key, value in OLD.items() if key != without}))
    assert any(told in each for each in said.wrong)


def test_another_body_and_other_columns_are_told() -> None:
    columns = {"id": MESSAGE_ID, "type": "BedReserved", "subject": "bed/7", "sequence": 1}
    assert explained(version_1(OLD), 5, columns).wrong == ["its header does not announce a body of 5 bytes"]
    assert explained(GOOD, 4, columns).wrong == []
    assert explained(GOOD, 4, columns | {"sequence": 2}).wrong == ["its sequence is 1, and the row's column says 2"]
    assert by_streams(GOOD)["message_id"] == MESSAGE_ID


def test_symbols_and_strings_are_told_apart() -> None:
    kinds = {field.name: field.kind for field in explained(GOOD).fields}
    assert (kinds["content-type"], kinds["message-id"]) == ("symbol a3", "string a1")
    assert symbol("a")[0] == 0xA3
