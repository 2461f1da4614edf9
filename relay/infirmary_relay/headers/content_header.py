"""The payload of an AMQP 0-9-1 content header frame: how it begins, and what is read of it.

Specification: section 2.3.5.2 (content header) and 4.2.6.1; a property that is present sets its bit in the flags and
follows in the order of the bits.
"""

import struct
from uuid import UUID

BASIC_CLASS = 60

CONTENT_TYPE, CONTENT_ENCODING, HEADERS, DELIVERY_MODE, PRIORITY, CORRELATION_ID, REPLY_TO, EXPIRATION, MESSAGE_ID = (
    1 << bit for bit in range(15, 6, -1)
)
_BEFORE_MESSAGE_ID = tuple(1 << bit for bit in range(15, 7, -1))
TIMESTAMP, TYPE, USER_ID, APP_ID = (1 << bit for bit in range(6, 2, -1))

_BEGINS, _SECTIONS_BEGIN = b"\x00\x3c", b"\x00\x53"
_PREFIX = struct.Struct(">HHQ")
_FLAGS_AT = _PREFIX.size
_PROPERTIES_AT = _FLAGS_AT + 2


def header_prefix(body_bytes: int) -> bytes:
    """The twelve bytes that every content header of a body of this size begins with."""
    return _PREFIX.pack(BASIC_CLASS, 0, body_bytes)


def is_content_header(header: bytes) -> bool:
    """Whether a row's header is of version 1."""
    return header.startswith(_BEGINS)


def are_sections(header: bytes) -> bool:
    """Whether a row's header is of version 2."""
    return header.startswith(_SECTIONS_BEGIN)


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
