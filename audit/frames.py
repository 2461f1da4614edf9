"""Reads also those messages whose properties py-amqp cannot decode, on one connection.

py-amqp raises in the middle of reading the socket, and the message comes again to whoever connects again.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

import amqp
from amqp.method_framing import frame_handler

Frame = tuple[int, int, Any]

_CONTENT_HEADER: Final = 2
_FIXED: Final = 12
"""A class, a weight and the body's size, before the properties."""

_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS = 1 << 15, 1 << 14, 1 << 13
_OFFSET_KEY: Final = b"\x0fx-stream-offsetl"


def tolerant(connection: Any, callback: Callable[..., Any]) -> Callable[[Frame], bool]:
    """Returns what takes a connection's frames; of properties that cannot be decoded it keeps a log's offset only."""
    take: Callable[[Frame], bool] = frame_handler(connection, callback)

    def take_any(frame: Frame) -> bool:
        kind, channel, content = frame
        if kind != _CONTENT_HEADER:
            return take(frame)
        try:
            return take(frame)
        except Exception:  # whatever a hostile sender makes it raise
            if _is_decodable(content):
                raise
            return take((kind, channel, without_properties(bytes(content))))

    return take_any


def without_properties(content: bytes) -> bytes:
    """Returns a content header that says no more than how long the body is, and where in a log the message is."""
    entry = _offset_entry(content[_FIXED:])
    return content[:_FIXED] + struct.pack(">HI", _HEADERS, len(entry)) + entry


def _is_decodable(content: Any) -> bool:
    try:
        amqp.Message().inbound_header(content)
    except Exception:
        return False
    return True


def _offset_entry(properties: bytes) -> bytes:
    """Returns what the broker puts in front of the sender's own headers; nothing when this came from no log."""
    flags = int.from_bytes(properties[:2], "big")
    if not flags & _HEADERS:
        return b""
    table = 2
    for short_text in (_CONTENT_TYPE, _CONTENT_ENCODING):
        if flags & short_text:
            table += 1 + properties[table]
    at = properties.find(_OFFSET_KEY, table)
    entry = properties[at : at + len(_OFFSET_KEY) + 8] if at >= 0 else b""
    return entry if len(entry) == len(_OFFSET_KEY) + 8 else b""
