"""What stands before a message's body: byte for byte as the contract says, and as its readers see it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary_streams.received import Received, received
from infirmary_streams.sections import encoded, with_body

MOMENT = datetime(2026, 11, 23, 12, 30, 15, 250_000, tzinfo=UTC)
HEADER: dict[str, Any] = {
    "message_id": "0190163d-8694-739b-aea5-966c26f8ad91",
    "source": "patient",
    "message_type": "PatientRegistered",
    "subject": "0190163d-8694-739b-aea5-966c26f8ad90",
    "time": MOMENT,
    "dataschema": "urn:infirmary:patient:PatientRegistered",
    "correlation_id": "admission-7",
    "causation_id": "0190163d-8694-739b-aea5-966c26f8ad92",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}
SEQUENCE = (258).to_bytes(8, "big")

# What fits into a property: at most 255 bytes once encoded.
property_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=60)
header_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=300)
moments = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001


def read(sequence: bytes = SEQUENCE, body: bytes = b"{}", **attributes: Any) -> Received:
    """Returns what a reader sees of a message with these attributes and the usual others."""
    return received(with_body(encoded(**HEADER | attributes) + sequence, body))


def text(value: str) -> bytes:
    """A short text as AMQP 1.0 has it (part 1, section 1.6.20)."""
    return b"\xa1" + bytes((len(value),)) + value.encode()


def symbol(value: str) -> bytes:
    """A word of a vocabulary as AMQP 1.0 has it (part 1, section 1.6.21)."""
    return b"\xa3" + bytes((len(value),)) + value.encode()


def test_a_header_is_three_sections_and_the_sequence_its_last_eight_bytes() -> None:
    annotations = symbol("x-basic-delivery-mode") + b"\x50\x02" + symbol("x-basic-type") + text("PatientRegistered")
    properties = b"".join(
        (
            text(HEADER["message_id"]),
            b"\x40" * 4,  # user id, to, subject, reply to
            text("admission-7"),
            symbol("application/json"),
            b"\x40" * 2,  # content encoding, absolute expiry time
            b"\x83" + (int(MOMENT.timestamp()) * 1000).to_bytes(8, "big"),
            text("patient"),
        )
    )
    application = b"".join(
        (
            text("x-basic-type") + text("PatientRegistered"),
            text("x-basic-app-id") + text("patient"),
            text("dataschema") + text("urn:infirmary:patient:PatientRegistered"),
            text("subject") + text(HEADER["subject"]),
            text("time") + text("2026-11-23T12:30:15.250000+00:00"),
            text("traceparent") + text(HEADER["traceparent"]),
            text("tracestate") + text("a=1"),
            text("causation_id") + text(HEADER["causation_id"]),
            text("parts") + b"\x51\x04",
            text("sequence") + b"\x81" + SEQUENCE,
        )
    )
    assert encoded(**HEADER, tracestate="a=1", parts=4) + SEQUENCE == b"".join(
        (
            b"\x00\x53\x72\xc1" + bytes((len(annotations) + 1, 4)) + annotations,
            b"\x00\x53\x73\xc0" + bytes((len(properties) + 1, 11)) + properties,
            b"\x00\x53\x74\xd1" + (len(application) + 4).to_bytes(4, "big") + (20).to_bytes(4, "big") + application,
        )
    )


def test_a_reader_finds_every_property_by_its_name() -> None:
    assert read(body=b'{"ward": "w1"}') == Received(
        {
            "content_type": "application/json",
            "message_id": HEADER["message_id"],
            "app_id": "patient",
            "type": "PatientRegistered",
            "correlation_id": "admission-7",
            "timestamp": int(MOMENT.timestamp()),
            "application_headers": {
                "sequence": 258,
                "subject": HEADER["subject"],
                "time": "2026-11-23T12:30:15.250000+00:00",
                "dataschema": "urn:infirmary:patient:PatientRegistered",
                "traceparent": HEADER["traceparent"],
                "causation_id": HEADER["causation_id"],
            },
        },
        b'{"ward": "w1"}',
    )


@given(
    properties=st.fixed_dictionaries(
        dict.fromkeys(("message_id", "source", "message_type", "correlation_id"), property_texts)
    ),
    headers=st.fixed_dictionaries(
        dict.fromkeys(("subject", "dataschema", "causation_id", "traceparent", "tracestate"), header_texts)
    ),
    time=moments,
    sequence=st.integers(0, 2**63 - 1),
    body=st.binary(max_size=600),
)
def test_any_text_moment_sequence_and_body_comes_back_as_it_was(
    properties: dict[str, str], headers: dict[str, str], time: datetime, sequence: int, body: bytes
) -> None:
    came = read(sequence.to_bytes(8, "big"), body, time=time, **properties, **headers)
    assert came.body == body
    assert (came.properties["message_id"], came.properties["app_id"]) == (
        properties["message_id"],
        properties["source"],
    )
    assert came.properties["type"] == properties["message_type"]
    assert came.properties["correlation_id"] == properties["correlation_id"]
    told = came.properties["application_headers"]
    assert {name: told[name] for name in headers} == headers
    assert (datetime.fromisoformat(told["time"]), told["sequence"]) == (time, sequence)


def test_the_time_zone_of_the_writer_does_not_change_the_moment() -> None:
    came = read(time=MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))).properties
    assert came["timestamp"] == int(MOMENT.timestamp())
    assert datetime.fromisoformat(came["application_headers"]["time"]) == MOMENT


@pytest.mark.parametrize("name", ["message_id", "source", "message_type", "correlation_id"])
def test_a_property_of_more_than_255_bytes_is_refused(name: str) -> None:
    encoded(**HEADER | {name: "é" * 127})
    with pytest.raises(ValueError, match="has 256 bytes, AMQP has room for 255"):
        encoded(**HEADER | {name: "é" * 128})


def test_what_is_not_told_is_not_there() -> None:
    bare = {name: HEADER[name] for name in ("message_id", "source", "message_type", "subject", "time")}
    assert received(encoded(**bare, correlation_id="", dataschema="", tracestate="", numbered=False)).properties == {
        "content_type": "application/json",
        "message_id": HEADER["message_id"],
        "app_id": "patient",
        "type": "PatientRegistered",
        "timestamp": int(MOMENT.timestamp()),
        "application_headers": {"subject": HEADER["subject"], "time": "2026-11-23T12:30:15.250000+00:00"},
    }


def test_a_time_before_1970_is_refused() -> None:
    assert read(time=datetime(1970, 1, 1, tzinfo=UTC)).properties["timestamp"] == 0
    with pytest.raises(ValueError, match="is before 1970"):
        encoded(**HEADER | {"time": datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)})
