"""What the consumer needs of py-amqp beyond its interface, on the consumer's own connection only.

A test checks that pyproject.toml bounds the versions: `_quick_recv` is a private name, and nowhere is it promised that
a frame may be handed over once more when it has failed.
"""

from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from amqp.basic_message import Message
from amqp.method_framing import frame_handler

OFFSET_HEADER: Final = "x-stream-offset"
UNDECODABLE: Final = "undecodable"
"""The key under which stands, in hexadecimal digits, what could not be decoded."""

READ_BYTES: Final = 8192
"""How much is read from the socket at once. What is left over is copied at each step, so more would be slower."""

_CONTENT_HEADER: Final = 2
_CLASS_WEIGHT_AND_SIZE: Final = Struct(">HHQ")
_OFFSET_KEY: Final = b"\x0fx-stream-offsetl"
_UNDECODABLE_KEY: Final = b"\x0bundecodableS"
_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS = 1 << 15, 1 << 14, 1 << 13

Frame = tuple[int, int, Any]
"""Type, channel and payload."""


def tolerant_frame_handler(connection: Any, callback: Callable[..., Any]) -> Callable[[Frame], Any]:
    """Returns what takes a connection's frames, and keeps properties as they are when they cannot be decoded.

    py-amqp's own raises in the middle of reading the socket, for every process that the message is delivered to. To be
    given to a connection as its `frame_handler`.
    """
    handle = frame_handler(connection, callback)

    def on_frame(frame: Frame) -> Any:
        try:
            return handle(frame)
        except Exception:  # whatever a hostile sender makes it raise
            kind, channel, payload = frame
            if kind != _CONTENT_HEADER or _is_decodable(payload):
                raise
        return handle((kind, channel, _decodable(bytes(payload))))

    return on_frame


def _is_decodable(payload: Any) -> bool:
    try:
        Message().inbound_header(payload)
    except Exception:
        return False
    return True


def _decodable(payload: bytes) -> bytes:
    """Returns a content header of the same body whose properties are two headers: the offset, and the old ones."""
    start, properties = payload[: _CLASS_WEIGHT_AND_SIZE.size], payload[_CLASS_WEIGHT_AND_SIZE.size :]
    kept = properties.hex().encode()
    headers = _offset_entry(properties) + _UNDECODABLE_KEY + len(kept).to_bytes(4, "big") + kept
    return start + _HEADERS.to_bytes(2, "big") + len(headers).to_bytes(4, "big") + headers


def _offset_entry(properties: bytes) -> bytes:
    """Returns the header that the broker puts in front of a log's message, read from properties that are no table.

    It is looked for in the headers only, where the broker's comes first: a sender may have written one anywhere.
    """
    flags = int.from_bytes(properties[:2], "big")
    if not flags & _HEADERS:
        return b""
    headers = 2
    for short_text in (_CONTENT_TYPE, _CONTENT_ENCODING):
        if flags & short_text and headers < len(properties):
            headers += 1 + properties[headers]
    at = properties.find(_OFFSET_KEY, headers)
    entry = properties[at : at + len(_OFFSET_KEY) + 8]
    return entry if at >= 0 and len(entry) == len(_OFFSET_KEY) + 8 else b""


def properties_of(message: Any) -> dict[str, Any]:
    """Returns a delivered message's properties; of those that could not be decoded, what was kept."""
    properties: dict[str, Any] = message.properties
    headers = properties.get("application_headers")
    if not headers or UNDECODABLE not in headers or len(properties) > 1:
        return properties
    others = {name: value for name, value in headers.items() if name != UNDECODABLE}
    return {UNDECODABLE: headers[UNDECODABLE], "application_headers": others}


def read_more_at_once(connection: Any) -> None:
    """Lets a connection, which keeps what it reads too much, ask the socket once for what it would ask for in 9 parts.

    Args:
        connection: py-amqp's, connected.
    """
    transport = connection.transport
    receive = transport._quick_recv
    transport._quick_recv = lambda wanted: receive(max(wanted, READ_BYTES))
