"""The encoded content header, read back by py-amqp, which is what consumers use."""

import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from amqp.basic_message import Message
from hypothesis import given
from hypothesis import strategies as st

from infirmary.transport.amqp_header import SEQUENCE_OFFSET, encode_header

HEADER: dict[str, Any] = {
    "body_bytes": 42,
    "message_id": "0190163d-8694-739b-aea5-966c26f8ad91",
    "source": "patient",
    "message_type": "PatientRegistered",
    "subject": "0190163d-8694-739b-aea5-966c26f8ad90",
    "time": datetime(2026, 11, 23, 12, 30, 15, 250_000, tzinfo=UTC),
    "dataschema": "urn:infirmary:patient:PatientRegistered",
    "correlation_id": "admission-7",
    "causation_id": "0190163d-8694-739b-aea5-966c26f8ad92",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
}

# What fits into a property: at most 255 bytes once encoded.
property_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60)
header_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=300)
moments = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))  # noqa: DTZ001


def decode(header: bytes) -> Message:
    """Returns a message with the properties that py-amqp reads from the header."""
    message = Message()
    message.inbound_header(header)
    return message


def test_py_amqp_reads_back_every_property() -> None:
    message = decode(encode_header(**HEADER))
    assert message.body_size == 42
    assert message.properties == {
        "content_type": "application/json",
        "delivery_mode": 2,
        "message_id": HEADER["message_id"],
        "app_id": "patient",
        "type": "PatientRegistered",
        "correlation_id": "admission-7",
        "timestamp": int(HEADER["time"].timestamp()),
        "application_headers": {
            "sequence": 0,
            "subject": HEADER["subject"],
            "time": "2026-11-23T12:30:15.250000+00:00",
            "dataschema": "urn:infirmary:patient:PatientRegistered",
            "traceparent": HEADER["traceparent"],
            "causation_id": HEADER["causation_id"],
        },
    }


@given(
    properties=st.fixed_dictionaries(
        dict.fromkeys(("message_id", "source", "message_type", "correlation_id"), property_texts)
    ),
    headers=st.fixed_dictionaries(
        dict.fromkeys(("subject", "dataschema", "causation_id", "traceparent"), header_texts)
        | {"tracestate": header_texts.filter(bool)}
    ),
    time=moments,
    body_bytes=st.integers(0, 2**63 - 1),
)
def test_any_text_moment_and_length_comes_back_as_it_was(
    properties: dict[str, str], headers: dict[str, str], time: datetime, body_bytes: int
) -> None:
    message = decode(encode_header(**HEADER | properties | headers | {"time": time, "body_bytes": body_bytes}))
    read = message.properties
    assert message.body_size == body_bytes
    assert (read["message_id"], read["app_id"]) == (properties["message_id"], properties["source"])
    assert (read["type"], read["correlation_id"]) == (properties["message_type"], properties["correlation_id"])
    assert {name: read["application_headers"][name] for name in headers} == headers
    assert datetime.fromisoformat(read["application_headers"]["time"]) == time


@given(sequence=st.integers(0, 2**63 - 1), subject=header_texts, source=property_texts)
def test_the_sequence_is_read_from_where_the_database_puts_it(sequence: int, subject: str, source: str) -> None:
    header = bytearray(encode_header(**HEADER | {"subject": subject, "source": source}))
    assert header[SEQUENCE_OFFSET : SEQUENCE_OFFSET + 8] == bytes(8)
    struct.pack_into(">q", header, SEQUENCE_OFFSET, sequence)
    read = decode(bytes(header)).properties
    assert read["application_headers"]["sequence"] == sequence
    assert (read["application_headers"]["subject"], read["app_id"]) == (subject, source)


def test_the_time_zone_of_the_writer_does_not_change_the_moment() -> None:
    elsewhere = HEADER["time"].astimezone(timezone(timedelta(hours=5, minutes=30)))
    read = decode(encode_header(**HEADER | {"time": elsewhere})).properties
    assert read["timestamp"] == int(HEADER["time"].timestamp())
    assert datetime.fromisoformat(read["application_headers"]["time"]) == HEADER["time"]


@pytest.mark.parametrize("name", ["message_id", "source", "message_type", "correlation_id"])
def test_a_property_of_more_than_255_bytes_is_refused(name: str) -> None:
    encode_header(**HEADER | {name: "é" * 127})
    with pytest.raises(ValueError, match="at most 255 bytes, not 256"):
        encode_header(**HEADER | {name: "é" * 128})
