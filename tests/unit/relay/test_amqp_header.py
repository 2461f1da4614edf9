"""A header that the relay encodes is read back by py-amqp as the contract has it."""

from datetime import UTC, datetime
from uuid import UUID

from amqp.basic_message import Message
from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay import amqp_header

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=60)


def properties_of(header: bytes) -> dict[str, object]:
    message = Message()
    message._load_properties(amqp_header.BASIC_CLASS, header, 12)
    return dict(message.properties)


@given(
    message_id=st.uuids(),
    kind=NAMES,
    subject=NAMES,
    sequence=st.none() | st.integers(1, 2**63 - 1),
    body_bytes=st.integers(0, 1 << 24),
    at=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_an_encoded_header_says_what_the_columns_say(
    message_id: UUID, kind: str, subject: str, sequence: int | None, body_bytes: int, at: datetime
) -> None:
    header = amqp_header.encode_header(
        body_bytes=body_bytes,
        message_id=message_id,
        source="patient",
        message_type=kind,
        subject=subject,
        sequence=sequence,
        created_at=at,
    )
    expected_headers = {"time": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "subject": subject}
    assert properties_of(header) == {
        "content_type": "application/json",
        "delivery_mode": 2,
        "message_id": str(message_id),
        "timestamp": int(at.timestamp()),
        "type": kind,
        "app_id": "patient",
        "application_headers": expected_headers | ({"sequence": sequence} if sequence is not None else {}),
    }
    assert amqp_header.message_id(header) == message_id.bytes
    assert amqp_header.body_size(header) == body_bytes
    assert header.startswith(amqp_header.header_prefix(body_bytes))


@given(
    st.fixed_dictionaries(
        {"message_id": st.uuids().map(str) | NAMES},
        optional={
            "content_type": NAMES,
            "content_encoding": NAMES,
            "application_headers": st.dictionaries(NAMES, NAMES, max_size=3),
            "priority": st.integers(0, 9),
            "correlation_id": NAMES,
            "reply_to": NAMES,
            "expiration": st.just("1000"),
            "type": NAMES,
        },
    )
)
def test_the_message_id_is_found_among_whatever_properties(properties: dict[str, str]) -> None:
    header = amqp_header.header_prefix(3) + Message("abc", **properties)._serialize_properties()
    try:
        expected = UUID(properties["message_id"]).bytes
    except ValueError:
        expected = None
    assert amqp_header.message_id(header) == expected


def test_a_header_without_a_message_id_has_none() -> None:
    assert amqp_header.message_id(amqp_header.header_prefix(0) + Message("", type="T")._serialize_properties()) is None
