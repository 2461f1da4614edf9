"""Headers of both versions, as what they are made of and as what readers by either protocol find in them."""

from typing import Any

from amqp.basic_message import Message

from infirmary_relay.headers import content_header
from infirmary_relay.headers.forms import Forms
from infirmary_streams import amqp10, sections
from infirmary_streams.amqp10 import text
from infirmary_streams.errors import NonsenseError
from infirmary_streams.received import received
from tests.unit.streams.described import u64
from tests.unit.streams.test_sections import REQUIRED

BODY = b"body"
KNOWN = sections.encoded(**REQUIRED) + u64(1)


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


def accepts(forms: Forms, header: bytes) -> bool:
    """Whether a header goes to logs; it is refused by an error for its reader, and by no other."""
    told: ValueError | None = None
    try:
        forms.check(header)
    except ValueError as error:
        told = error
    assert not isinstance(told, NonsenseError)
    return told is None
