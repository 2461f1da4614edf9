"""A row of either version says the same on either wire, and there and back again."""

from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.headers import content_header, from_columns, from_version_1
from infirmary_relay.headers.forms import Forms
from infirmary_streams import sections
from tests.unit.relay.written_headers import BODY, accepts, by_amqp, by_streams, table, version_1
from tests.unit.streams.described import u64
from tests.unit.streams.test_amqp10 import VALUES
from tests.unit.streams.test_sections import REQUIRED, SEQUENCES, WRITTEN

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


@given(st.lists(st.sampled_from(["ward", "lab2", "lab3"]), min_size=1, max_size=8), st.booleans())
def test_whose_relay_it_is_sends_for_nobody_else(sources: list[str], by_amqp_0_9_1: bool) -> None:
    forms = Forms("ward")
    for number, source in enumerate(sources):
        header = sections.encoded(**REQUIRED | {"source": source, "subject": f"{number:04}"}) + u64(number)
        if source == "ward":
            forms.check(header)
            assert by_amqp(forms.content_header(header, 0))["app_id"] == "ward"
            continue
        with pytest.raises(ValueError, match=f"its source is '{source}', and the relay of ward"):
            (partial(forms.content_header, body_bytes=0) if by_amqp_0_9_1 else forms.check)(header)


def test_a_source_is_looked_for_in_both_of_its_places() -> None:
    header = sections.encoded(**REQUIRED | {"source": "ward"}) + u64(1)
    Forms("ward").check(header)
    assert header.count(b"ward") == 2
    for at in (header.index(b"ward"), header.rindex(b"ward")):
        with pytest.raises(ValueError, match="its source is 'draw'"):
            Forms("ward").check(header[:at] + b"draw" + header[at + 4 :])


@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_headers_of_any_type_are_the_same_to_both_or_are_refused(pairs: dict[str, bytes]) -> None:
    header = table(pairs)
    forms = Forms()
    if not accepts(forms, header):
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


def test_more_forms_than_are_remembered_are_read_anew() -> None:
    forms = Forms()
    for number in range(5000):
        header = table({f"key-{number}": b"\x41"})
        assert by_amqp(forms.content_header(header, 0))["application_headers"] == {f"key-{number}": True}


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


def _id_or_none(message_id: str) -> bytes | None:
    try:
        return UUID(message_id).bytes
    except ValueError:
        return None


def _as_text(value: Any) -> Any:
    return value.encode(errors="surrogateescape") if isinstance(value, str) else value
