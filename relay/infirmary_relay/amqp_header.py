"""The payload of an AMQP 0-9-1 content header frame: written from a row's columns, read back from a basic.return.

Specification: section 2.3.5.2 (content header) and 4.2.6.1; a property that is present sets its bit in the flags and
follows in the order of the bits.
"""

import struct
from datetime import UTC, datetime
from uuid import UUID

BASIC_CLASS = 60
PERSISTENT = 2

CONTENT_TYPE, CONTENT_ENCODING, HEADERS, DELIVERY_MODE, PRIORITY, CORRELATION_ID, REPLY_TO, EXPIRATION, MESSAGE_ID = (
    1 << bit for bit in range(15, 6, -1)
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LEAST_LONG, _LARGEST_LONG = -(2**63), 2**63 - 1
_BEFORE_MESSAGE_ID = tuple(1 << bit for bit in range(15, 7, -1))
TIMESTAMP, TYPE, _USER_ID, APP_ID = (1 << bit for bit in range(6, 2, -1))

_PREFIX = struct.Struct(">HHQ")
_FLAGS_AT = _PREFIX.size
_PROPERTIES_AT = _FLAGS_AT + 2


def header_prefix(body_bytes: int) -> bytes:
    """The twelve bytes that every content header of a body of this size begins with."""
    return _PREFIX.pack(BASIC_CLASS, 0, body_bytes)


def encode_header(
    *,
    body_bytes: int,
    message_id: UUID,
    source: str,
    message_type: str,
    subject: str,
    sequence: int | None,
    created_at: datetime,
) -> bytes:
    """Encodes the header of a row whose writer left it null, as docs/outbox-contract.md has it on the wire.

    Raises:
        ValueError: a type or source is longer than the 255 bytes that AMQP has room for, the time is before 1970, or
            the sequence is no integer of 64 bits.
    """
    if created_at < _EPOCH:
        raise ValueError(f"its created_at {created_at} is before 1970, and a header holds no such time")
    at = created_at.astimezone(UTC)
    table = _text_field("time", at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")) + _text_field("subject", subject)
    if sequence is not None:
        if not isinstance(sequence, int) or isinstance(sequence, bool) or not _LEAST_LONG <= sequence <= _LARGEST_LONG:
            raise ValueError(f"its sequence {sequence!r:.40} is no integer of 64 bits")
        table += _short("sequence") + b"l" + struct.pack(">q", sequence)
    flags = CONTENT_TYPE | HEADERS | DELIVERY_MODE | MESSAGE_ID | TIMESTAMP | TYPE | APP_ID
    return b"".join(
        (
            header_prefix(body_bytes),
            struct.pack(">H", flags),
            _short("application/json"),
            struct.pack(">I", len(table)),
            table,
            bytes((PERSISTENT,)),
            _short(str(message_id)),
            struct.pack(">Q", int(at.timestamp())),
            _short(message_type, "type"),
            _short(source, "source"),
        )
    )


def body_size(header: bytes) -> int:
    """How many bytes of body follow this header."""
    return int.from_bytes(header[4:12], "big")


def message_id(header: bytes) -> bytes | None:
    """The 16 bytes of the message id, or None when there is none or it is not a UUID."""
    flags = int.from_bytes(header[_FLAGS_AT:_PROPERTIES_AT], "big")
    if not flags & MESSAGE_ID:
        return None
    at = _PROPERTIES_AT
    for flag in _BEFORE_MESSAGE_ID:
        if flags & flag:
            at += _length(flag, header, at)
    text = header[at + 1 : at + 1 + header[at]]
    try:
        return UUID(text.decode()).bytes
    except ValueError:
        return None


def _length(flag: int, header: bytes, at: int) -> int:
    if flag == HEADERS:
        return 4 + int.from_bytes(header[at : at + 4], "big")
    if flag in (DELIVERY_MODE, PRIORITY):
        return 1
    return 1 + header[at]


def _short(text: str, name: str = "field") -> bytes:
    data = text.encode()
    if len(data) > 255:
        raise ValueError(f"its {name} {text[:40]!r}... has {len(data)} bytes, AMQP has room for 255")
    return bytes((len(data),)) + data


def _text_field(name: str, text: str) -> bytes:
    data = text.encode()
    return _short(name) + b"S" + struct.pack(">I", len(data)) + data
