"""A row of either version says the same on either wire, and what no reader could read goes out on none."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from amqp.basic_message import Message
from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.headers import content_header, from_columns, from_version_1
from infirmary_relay.headers.forms import Forms
from infirmary_streams import amqp10, sections
from infirmary_streams.amqp10 import symbol, text
from infirmary_streams.errors import NonsenseError
from infirmary_streams.received import received
from tests.unit.streams.described import u64
from tests.unit.streams.test_amqp10 import VALUES
from tests.unit.streams.test_sections import REQUIRED, SEQUENCES, WRITTEN

BODY = b"body"
KNOWN = sections.encoded(**REQUIRED) + u64(1)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=60)
KEYS = NAMES.filter(lambda name: not name.startswith("x-"))
"""What begins so is the broker's."""
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TABLE_VALUES = st.one_of(
    NAMES, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.none(), FLOATS, st.binary(max_size=9)
)
OF_AMQP = st.fixed_dictionaries(
    {"message_id": st.uuids().map(str), "application_headers": st.dictionaries(KEYS, TABLE_VALUES, max_size=4)},
    optional={
        "content_type": NAMES,
        "correlation_id": NAMES,
        "timestamp": st.integers(0, 2**40),
        "type": NAMES,
        "app_id": NAMES,
    },
)


def by_amqp(header: bytes) -> dict[str, Any]:
    """What a reader by AMQP 0-9-1 finds, but for the delivery mode."""
    message = Message()
    message._load_properties(content_header.BASIC_CLASS, header, 12)
    return {name: value for name, value in message.properties.items() if name != "delivery_mode"}


def by_streams(header: bytes) -> dict[str, Any]:
    return received(sections.with_body(header, BODY)).properties


def version_1(properties: dict[str, Any], body_bytes: int = len(BODY)) -> bytes:
    return content_header.header_prefix(body_bytes) + bytes(Message("", **properties)._serialize_properties())


def table(pairs: dict[str, bytes]) -> bytes:
    content = b"".join(text(key) + value for key, value in pairs.items())
    return amqp10.map_section(amqp10.APPLICATION, content, len(pairs))


@given(st.lists(st.tuples(WRITTEN, SEQUENCES), min_size=1, max_size=4))
def test_what_a_writer_encodes_is_the_same_to_readers_by_either_protocol(
    messages: list[tuple[dict[str, Any], int]],
) -> None:
    forms = Forms()
    for written, sequence in messages:
        header = sections.encoded(**written) + u64(sequence)
        for _ in range(2):
            forms.check(header)
            converted = forms.content_header(header, len(BODY))
            assert converted.startswith(content_header.header_prefix(len(BODY)))
            assert by_amqp(converted) == by_streams(header)
            assert content_header.message_id(converted) == _id_or_none(written["message_id"])


@given(st.lists(st.binary(min_size=4, max_size=4), min_size=2, max_size=6))
def test_values_of_one_form_are_told_apart(subjects: list[bytes]) -> None:
    forms = Forms()
    for subject in subjects:
        header = sections.encoded(**REQUIRED | {"subject": subject.hex()}) + u64(subject[0])
        found = by_amqp(forms.content_header(header, 0))["application_headers"]
        assert (found["subject"], found["sequence"]) == (subject.hex(), subject[0])


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_headers_of_any_type_are_the_same_to_both_or_are_refused(pairs: dict[str, bytes]) -> None:
    header = table(pairs)
    forms = Forms()
    if not _answer(forms, header):
        with pytest.raises(ValueError, match="none of the outbox contract"):
            forms.content_header(header, 0)
        return
    found = by_amqp(forms.content_header(header, 0)).get("application_headers", {})
    read = by_streams(header)["application_headers"]
    for key, value in found.items():
        if isinstance(value, datetime):
            assert value.replace(tzinfo=UTC).timestamp() == max(0, read[key] // 1000)
        elif isinstance(value, float):
            assert repr(value) == repr(read[key])
        elif not isinstance(read[key], int) or read[key] < 2**63:
            assert value in (read[key], _as_text(read[key])), key
    assert {key for key in read if key not in found} <= {sections.TYPE, sections.APP_ID}


@given(st.data())
def test_sections_are_sent_only_when_they_can_be_read(data: st.DataObject) -> None:
    header = bytearray(KNOWN)
    for _ in range(data.draw(st.integers(0, 3))):
        header[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(header)) | st.just(len(header)))
    known = Forms()
    known.check(KNOWN)
    answers = [_answer(forms, bytes(header[:end])) for forms in (Forms(), known)]
    assert answers[0] == answers[1], "whatever was met before"
    if answers[0]:
        by_streams(bytes(header[:end]))


@given(st.lists(st.sampled_from([KNOWN, KNOWN[:-1], table({"a": b"\x41"}), table({"b": b"\x41"}), b""]), max_size=9))
def test_all_of_a_batch_are_checked(headers: list[bytes]) -> None:
    forms = Forms()
    fit = [_answer(Forms(), header) for header in headers]
    if all(fit):
        forms.check_all(headers)
    else:
        with pytest.raises(ValueError, match="none of the outbox contract"):
            forms.check_all(headers)


def test_more_forms_than_are_remembered_are_read_anew() -> None:
    forms = Forms()
    for number in range(5000):
        header = table({f"key-{number}": b"\x41"})
        assert by_amqp(forms.content_header(header, 0))["application_headers"] == {f"key-{number}": True}


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\x00\x3c",
        sections.with_body(KNOWN, BODY),
        table({"a": b"\x41"}) + KNOWN,
        amqp10.list_section(amqp10.HEADER, b"\x41", 1) + KNOWN,
        amqp10.list_section(amqp10.APPLICATION, b"", 0),
        KNOWN + b"\x00",
        table({"a": b"\xc1\x03\x02\x53\x01"}),
    ],
)
def test_other_sections_than_those_of_the_contract_are_refused(header: bytes) -> None:
    assert not _answer(Forms(), header)


@given(OF_AMQP)
def test_a_row_of_the_release_before_says_the_same_in_a_log(properties: dict[str, Any]) -> None:
    header = version_1(properties)
    converted = from_version_1.sections_of(header, len(BODY))
    assert by_streams(converted) == {"application_headers": {}} | by_amqp(header)
    Forms().check(converted)


@given(OF_AMQP)
def test_there_and_back_again_is_the_same(properties: dict[str, Any]) -> None:
    header = version_1(properties | {"delivery_mode": 2})
    back = Forms().content_header(from_version_1.sections_of(header, len(BODY)), len(BODY))
    assert {"application_headers": {}} | by_amqp(back) == {"application_headers": {}} | by_amqp(header)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_header_are_told_and_nothing_worse(rest: bytes) -> None:
    header = content_header.header_prefix(4) + rest
    said = "its header is read"
    try:
        Forms().check(from_version_1.sections_of(header, 4))
    except ValueError as told:
        said = str(told)
    assert said.startswith("its header")


def test_a_header_that_announces_another_body_is_told() -> None:
    with pytest.raises(ValueError, match="does not announce a body of 5 bytes"):
        from_version_1.sections_of(version_1({"message_id": "m"}), 5)


@given(
    message_id=st.uuids(),
    kind=NAMES,
    subject=NAMES,
    sequence=st.none() | st.integers(1, 2**63 - 1),
    at=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_header_made_from_the_columns_says_what_they_say(
    message_id: UUID, kind: str, subject: str, sequence: int | None, at: datetime
) -> None:
    header = from_columns.sections_of(
        message_id=message_id, source="patient", message_type=kind, subject=subject, sequence=sequence, created_at=at
    )
    expected_headers = {"time": at.isoformat(timespec="microseconds"), "subject": subject}
    assert by_streams(header) == {
        "content_type": "application/json",
        "message_id": str(message_id),
        "timestamp": int(at.timestamp()),
        "type": kind,
        "app_id": "patient",
        "application_headers": expected_headers | ({"sequence": sequence} if sequence is not None else {}),
    }
    assert by_amqp(Forms().content_header(header, 0)) == by_streams(header)


@pytest.mark.parametrize("length", [256, 70_000])
def test_a_property_for_which_amqp_has_no_room_goes_nowhere(length: int) -> None:
    header = amqp10.list_section(amqp10.PROPERTIES, text("m" * length), 1)
    for goes in (Forms().check, lambda header: Forms().content_header(header, 0)):
        with pytest.raises(ValueError, match=f"its message-id has {length} bytes, AMQP has room for 255"):
            goes(header)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (table({"a": b"\x98" + bytes(16)}), "its a is of type 0x98"),
        (table({"a": b"\x56\x07"}), "its a is of type 0x56"),
        (table({"a": b"\x82\x7f\xf8" + bytes(6)}), "its a is no finite number"),
        (table({sections.TYPE: text("t" * 256)}), "has 256 bytes, AMQP has room for 255"),
        (amqp10.list_section(amqp10.PROPERTIES, text("m") + b"\x40" * 13, 14), "14 properties"),
        (amqp10.list_section(amqp10.PROPERTIES, b"\x41", 1), "its message-id is of type 0x41"),
        (amqp10.map_section(amqp10.ANNOTATIONS, text("x-a") + text("b"), 1), "annotation x-a is no symbol"),
        (amqp10.map_section(amqp10.ANNOTATIONS, symbol("x-basic-delivery-mode") + b"\x50\x09", 1), "mode is not 2"),
    ],
)
def test_what_a_broker_cannot_show_to_a_reader_by_amqp_goes_to_no_log(header: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Forms().check(header)


def test_a_value_that_cannot_be_shown_is_found_behind_others_of_its_form() -> None:
    forms = Forms()
    forms.check(table({"a": b"\x82" + bytes(8)}))
    with pytest.raises(ValueError, match="no finite number"):
        forms.check(table({"a": b"\x82\x7f\xf8" + bytes(6)}))


def _answer(forms: Forms, header: bytes) -> bool:
    told: ValueError | None = None
    try:
        forms.check(header)
    except ValueError as error:
        told = error
    assert not isinstance(told, NonsenseError)
    return told is None


def _id_or_none(message_id: str) -> bytes | None:
    try:
        return UUID(message_id).bytes
    except ValueError:
        return None


def _as_text(value: Any) -> Any:
    return value.encode(errors="surrogateescape") if isinstance(value, str) else value
