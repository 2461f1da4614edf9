"""The contents that are kept of a parked message. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from infirmary.consumer.delivery import Delivery
from infirmary.printable import printable
from infirmary.transport.envelope import Incoming, MalformedMessage, stored

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
"""A document of MongoDB holds 16 MiB at the most; of a longer body the beginning is kept."""

BODY_BYTES: Final = "body_bytes"
"""How long the body was of which only the beginning is kept."""


def contents_of(delivery: Delivery) -> tuple[dict[str, Any], bytes]:
    """Returns a message's attributes and its body, in a form that any database takes."""
    message = delivery.message
    properties = message.attributes() if isinstance(message, Incoming) else printable(delivery.properties)
    if len(delivery.body) > MAX_BODY_BYTES:
        properties[BODY_BYTES] = len(delivery.body)
    return properties, delivery.body[:MAX_BODY_BYTES]


def whole(properties: Mapping[str, Any], body: bytes) -> Incoming:
    """Returns a message whose attributes could be read.

    Raises:
        MalformedMessage: It was too long to be kept whole.
    """
    if BODY_BYTES in properties:
        kept, all_of_it = len(body), properties[BODY_BYTES]
        raise MalformedMessage(f"only the first {kept} of the body's {all_of_it} bytes are kept; discard it")
    return stored(properties, body)
