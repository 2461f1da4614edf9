"""What a writer says of a message is what a reader finds, and what RabbitMQ finds where it looks for it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_streams import amqp10, sections
from infirmary_streams.received import received
from tests.unit.streams.described import u64

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300)
SHORT = TEXTS.filter(lambda text: len(text.encode()) <= 255)
ZONES = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=ZONES)  # noqa: DTZ001
OPTIONAL = ("correlation_id", "dataschema", "traceparent", "tracestate", "causation_id")
REQUIRED: dict[str, Any] = {
    "message_id": "m",
    "source": "ward",
    "message_type": "BedReserved",
    "subject": "bed/7",
    "time": datetime(2026, 11, 26, 12, 0, 1, 5, tzinfo=UTC),
}
WRITTEN = st.fixed_dictionaries(
    {"message_id": SHORT, "source": SHORT, "message_type": SHORT, "subject": TEXTS, "time": TIMES},
    optional={
        "correlation_id": st.none() | SHORT,
        **dict.fromkeys(OPTIONAL[1:], st.none() | TEXTS),
        "parts": st.integers(1, 127),
    },
)
SEQUENCES = st.integers(0, 2**63 - 1)


@given(WRITTEN, SEQUENCES, st.binary(max_size=300))
def test_everything_that_is_written_is_read(written: dict[str, Any], sequence: int, body: bytes) -> None:
    head = sections.encoded(**written) + u64(sequence)
    found = received(sections.with_body(head, body))
    headers = {key: written.get(key) for key in (*OPTIONAL[1:], "subject")}
    headers |= {"time": written["time"].isoformat(timespec="microseconds"), "sequence": sequence}
    headers |= {"parts": written["parts"]} if written.get("parts", 1) > 1 else {}
    properties = {
        "message_id": written["message_id"],
        "correlation_id": written.get("correlation_id"),
        "content_type": "application/json",
        "timestamp": int(written["time"].timestamp()),
        "type": written["message_type"],
        "app_id": written["source"],
    }
    assert found.body == body
    assert found.properties.pop("application_headers") == _without_none(headers)
    assert found.properties == _without_none(properties)


@given(WRITTEN)
def test_a_message_without_a_sequence_is_whole_as_it_is(written: dict[str, Any]) -> None:
    found = received(sections.with_body(sections.encoded(**written, numbered=False), b"body"))
    assert "sequence" not in found.properties["application_headers"]
    assert found.properties["application_headers"]["subject"] == written["subject"]
    assert found.body == b"body"


@given(WRITTEN, SEQUENCES)
def test_the_sections_stand_in_the_order_that_amqp_prescribes(written: dict[str, Any], sequence: int) -> None:
    """RabbitMQ to 3.12 cannot read a message with a header section, so there must be none."""
    message = sections.with_body(sections.encoded(**written) + u64(sequence), b"body")
    assert [number for number, _ in amqp10.sections(message)] == [0x72, 0x73, 0x74, 0x75]


@given(WRITTEN)
def test_the_sequence_is_the_last_8_bytes(written: dict[str, Any]) -> None:
    head = sections.encoded(**written)
    assert head.endswith(b"\xa1\x08sequence\x81")
    body = sections.body_head(0)
    assert received(head + u64(1) + body).properties["application_headers"]["sequence"] == 1
    assert received(head + u64(2) + body).properties["application_headers"]["sequence"] == 2


def test_rabbitmq_finds_type_and_source_at_every_release() -> None:
    message = sections.encoded(**REQUIRED) + u64(1)
    found = dict(amqp10.sections(message))
    assert amqp10.mapping(message, found[amqp10.ANNOTATIONS]) == {
        "x-basic-delivery-mode": 2,
        "x-basic-type": "BedReserved",
    }
    assert amqp10.value_of(message, found[amqp10.PROPERTIES])[10] == "ward"
    application = amqp10.mapping(message, found[amqp10.APPLICATION])
    assert (application["x-basic-type"], application["x-basic-app-id"]) == ("BedReserved", "ward")


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("message_id", "message_id"),
        ("source", "source"),
        ("message_type", "type"),
        ("correlation_id", "correlation_id"),
    ],
)
@pytest.mark.parametrize("letter", ["a", "ä"])
def test_a_property_that_amqp_0_9_1_has_no_room_for_is_refused(field: str, named: str, letter: str) -> None:
    longest = letter * (255 // len(letter.encode()))
    sections.encoded(**REQUIRED | {field: longest})
    refused = rf"^its {named} '{letter}{{40}}'\.\.\. has 25[67] bytes, AMQP has room for 255$"
    with pytest.raises(ValueError, match=refused):
        sections.encoded(**REQUIRED | {field: longest + letter + "x" * (256 - len((longest + letter).encode()))})


def test_a_header_may_be_longer() -> None:
    long = "z" * 70_000
    found = received(sections.encoded(**REQUIRED | {"tracestate": long, "subject": long}) + u64(1))
    headers = found.properties["application_headers"]
    assert (headers["tracestate"], headers["subject"]) == (long, long)


def test_a_time_before_1970_is_refused() -> None:
    with pytest.raises(ValueError, match=r"its time 1969-12-31 .* is before 1970"):
        sections.encoded(**REQUIRED | {"time": datetime(1969, 12, 31, tzinfo=UTC)})
    assert sections.encoded(**REQUIRED | {"time": datetime(1970, 1, 1, tzinfo=UTC)})


def test_a_time_without_a_zone_is_refused() -> None:
    """It would be told as another one on each machine that is in another zone."""
    with pytest.raises(ValueError, match=r"^its time 2026-11-26 12:00:00 has no zone: give an aware datetime"):
        sections.encoded(**REQUIRED | {"time": datetime(2026, 11, 26, 12)})  # noqa: DTZ001


@pytest.mark.parametrize("field", ["message_id", "source", "message_type", "subject"])
def test_half_a_surrogate_pair_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        sections.encoded(**REQUIRED | {field: "\ud800"})


@given(st.binary(max_size=600))
def test_a_body_of_any_size_has_a_head(body: bytes) -> None:
    ((number, value),) = amqp10.sections(sections.with_body(b"", body))
    whole = sections.with_body(b"", body)
    assert number == amqp10.DATA
    assert whole[value.begin : value.end] == body
    assert sections.body_head(1 << 20) == b"\x00\x53\x75\xb0\x00\x10\x00\x00"


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
