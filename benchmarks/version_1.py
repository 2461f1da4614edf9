"""Headers as the release before wrote them: version 1 of docs/outbox-contract.md, content headers of AMQP 0-9-1.

Whoever publishes by AMQP 0-9-1 needs them, and rows that have them show what it costs the relay to take them on.
"""

import struct
from typing import Any

from infirmary_streams.received import received

_BASIC_CLASS = b"\x00\x3c"
_FLAGS = 0xB4E8
"""Content type, headers, delivery mode, correlation id, message id, timestamp, type and app id are there."""
_PERSISTENT = b"\x02"


def as_version_1(header: bytes, body_bytes: int) -> bytes:
    """Returns the content header that says the same as a row's header, whichever version that is of.

    Args:
        header: The whole header, its sequence included.
        body_bytes: How large the row's body is.
    """
    if header.startswith(_BASIC_CLASS):
        return header
    properties = received(header).properties
    headers = dict(properties["application_headers"])
    table = b"".join(_entry(name, value) for name, value in {"sequence": headers.pop("sequence"), **headers}.items())
    return b"".join(
        (
            _BASIC_CLASS + struct.pack(">HQH", 0, body_bytes, _FLAGS),
            _short(properties["content_type"]),
            struct.pack(">I", len(table)),
            table,
            _PERSISTENT,
            _short(properties["correlation_id"]),
            _short(properties["message_id"]),
            struct.pack(">Q", properties["timestamp"]),
            _short(properties["type"]),
            _short(properties["app_id"]),
        )
    )


def _short(text: str) -> bytes:
    data = text.encode()
    return bytes((len(data),)) + data


def _entry(name: str, value: Any) -> bytes:
    if isinstance(value, int):
        return _short(name) + b"l" + struct.pack(">q", value)
    data = str(value).encode()
    return _short(name) + b"S" + struct.pack(">I", len(data)) + data
