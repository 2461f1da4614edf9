"""What the relay reads of an AMQP 0-9-1 content header, whoever made it."""

from uuid import UUID

from amqp.basic_message import Message
from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.headers import content_header

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=60)


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
    ),
    st.integers(0, 1 << 40),
)
def test_message_id_and_size_are_found_among_whatever_properties(properties: dict[str, str], size: int) -> None:
    header = content_header.header_prefix(size) + Message("", **properties)._serialize_properties()
    try:
        expected = UUID(properties["message_id"]).bytes
    except ValueError:
        expected = None
    assert content_header.message_id(header) == expected
    assert content_header.body_size(header) == size
    assert content_header.is_content_header(header)


def test_a_header_without_a_message_id_has_none() -> None:
    header = content_header.header_prefix(0) + Message("", type="T")._serialize_properties()
    assert content_header.message_id(header) is None
