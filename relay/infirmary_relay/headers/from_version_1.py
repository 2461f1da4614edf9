"""Rows of the contract's version 1 on their way to a log: an AMQP 0-9-1 content header becomes sections of AMQP 1.0.

Only what was written before an upgrade comes this way, so py-amqp may take its time to read it.
"""

import struct
from datetime import UTC, datetime
from typing import Any, Final

from amqp.exceptions import AMQPError
from amqp.serialization import loads

from infirmary_relay.headers import content_header as amqp
from infirmary_streams import amqp10, sections
from infirmary_streams.amqp10 import long, symbol, text, timestamp

_PROPERTIES_AT: Final = 14
_KINDS: Final = (
    (amqp.CONTENT_TYPE, "s"),
    (amqp.CONTENT_ENCODING, "s"),
    (amqp.HEADERS, "F"),
    (amqp.DELIVERY_MODE, "o"),
    (amqp.PRIORITY, "o"),
    (amqp.CORRELATION_ID, "s"),
    (amqp.REPLY_TO, "s"),
    (amqp.EXPIRATION, "s"),
    (amqp.MESSAGE_ID, "s"),
    (amqp.TIMESTAMP, "L"),
    (amqp.TYPE, "s"),
    (amqp.USER_ID, "s"),
    (amqp.APP_ID, "s"),
)
_NULL: Final = b"\x40"


def sections_of(header: bytes, body_bytes: int) -> bytes:
    """The sections that say the same.

    Args:
        header: The payload of a content header frame.
        body_bytes: How large its body is.

    Raises:
        ValueError: It cannot be read, or announces a body of another size.
    """
    check_body(header, body_bytes)
    told = properties_of(header)
    # Lists and tables a broker leaves out as well, when it puts a message of AMQP 0-9-1 into a log.
    headers = {
        key: value for key, value in (told.get(amqp.HEADERS) or {}).items() if not isinstance(value, list | dict)
    }
    kinds = {sections.TYPE: told.get(amqp.TYPE), sections.APP_ID: told.get(amqp.APP_ID)}
    annotations = sections.PERSISTENT + (symbol(sections.TYPE) + text(told[amqp.TYPE]) if told.get(amqp.TYPE) else b"")
    application = {key: value for key, value in kinds.items() if value} | headers
    properties = (
        _text(told.get(amqp.MESSAGE_ID)),
        *(_NULL,) * 3,
        _text(told.get(amqp.REPLY_TO)),
        _text(told.get(amqp.CORRELATION_ID)),
        _symbol(told.get(amqp.CONTENT_TYPE)),
        _symbol(told.get(amqp.CONTENT_ENCODING)),
        _NULL,
        timestamp(told[amqp.TIMESTAMP] * 1000) if amqp.TIMESTAMP in told else _NULL,
        _text(told.get(amqp.APP_ID)),
    )
    pairs = b"".join(text(key) + _encoded(value) for key, value in application.items())
    return b"".join(
        (
            amqp10.map_section(amqp10.ANNOTATIONS, annotations, 2 if told.get(amqp.TYPE) else 1),
            amqp10.list_section(amqp10.PROPERTIES, b"".join(properties), len(properties)),
            amqp10.map_section(amqp10.APPLICATION, pairs, len(application)),
        )
    )


def check_body(header: bytes, body_bytes: int) -> None:
    """Makes sure that a header announces a body of this size.

    Raises:
        ValueError: It announces another.
    """
    if not header.startswith(amqp.header_prefix(body_bytes)):
        raise ValueError(f"its header does not announce a body of {body_bytes} bytes")


def source_of(header: bytes) -> str | None:
    """Whom a header names as its source; None where it names nobody, or cannot be read."""
    try:
        return properties_of(header).get(amqp.APP_ID)
    except ValueError:
        return None


def properties_of(header: bytes) -> dict[int, Any]:
    """The properties, by their flags.

    Raises:
        ValueError: It cannot be read.
    """
    flags = int.from_bytes(header[_PROPERTIES_AT - 2 : _PROPERTIES_AT], "big")
    present = [(flag, kind) for flag, kind in _KINDS if flags & flag]
    if flags & ~sum(flag for flag, _ in _KINDS):
        raise ValueError("its header has properties that AMQP 0-9-1 does not know")
    try:
        values, end = loads("".join(kind for _, kind in present), header, _PROPERTIES_AT)
    except (AMQPError, ArithmeticError, LookupError, TypeError, ValueError, OSError, struct.error) as odd:
        raise ValueError(f"its header cannot be read: {odd}") from odd
    if end != len(header):
        raise ValueError(f"its header has {len(header)} bytes, and its properties {end}")
    return dict(zip((flag for flag, _ in present), values, strict=True))


def _text(value: str | None) -> bytes:
    return _NULL if value is None else text(value)


def _symbol(value: str | None) -> bytes:
    return _NULL if value is None else symbol(value)


def _encoded(value: Any) -> bytes:
    """A value of a table; what AMQP 1.0 has no type for is refused."""
    match value:
        case None:
            return _NULL
        case bool():
            return b"\x41" if value else b"\x42"
        case int():
            return long(value)
        case float():
            return struct.pack(">Bd", 0x82, value)
        case str():
            return text(value)
        case bytes():
            return struct.pack(">BI", 0xB0, len(value)) + value
        case datetime():
            return timestamp(int(value.replace(tzinfo=UTC).timestamp()) * 1000)
    raise ValueError(f"its header holds a value {value!r:.40} that no log takes")
