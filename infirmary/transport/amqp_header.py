"""Encodes a message's AMQP content header once, when it is written, so that the relay only copies bytes.

The format is the AMQP 0-9-1 specification's, sections 2.3.5.2 (content header) and 4.2.5.5 (field tables).
"""

import struct
from datetime import datetime
from functools import lru_cache

_BASIC_CLASS = 60
_CONTENT_TYPE, _HEADERS, _DELIVERY_MODE, _CORRELATION_ID = 0x8000, 0x2000, 0x1000, 0x0400
_MESSAGE_ID, _TIMESTAMP, _TYPE, _APP_ID = 0x0080, 0x0040, 0x0020, 0x0008
_FLAGS = _CONTENT_TYPE | _HEADERS | _DELIVERY_MODE | _CORRELATION_ID | _MESSAGE_ID | _TIMESTAMP | _TYPE | _APP_ID

MESSAGE_MAX_BYTES = 1_048_576
"""The largest body of a message, unless a setting says otherwise."""

SCHEMA_URN = "urn:infirmary"
"""How `dataschema` begins, before the service and the type, where nobody has set another beginning."""

_PREFIX = struct.Struct(">HHQH")
_LONG = struct.Struct(">I")
_QUAD = struct.Struct(">Q")
_PERSISTENT = b"\x02"

_SEQUENCE_KEY = b"\x08sequencel"
SEQUENCE_OFFSET = _PREFIX.size + len(b"\x10application/json") + _LONG.size + len(_SEQUENCE_KEY)
"""Where a message's sequence stands in its encoded header: 8 bytes, big-endian.

The database puts the number there when it has given it out, so that numbering needs no round trip of its own.
"""


def _short(text: str) -> bytes:
    raw = text.encode()
    if len(raw) > 255:
        raise ValueError(f"an AMQP property holds at most 255 bytes, not {len(raw)}: {text[:40]!r}...")
    return bytes((len(raw),)) + raw


@lru_cache(maxsize=1024)
def _constant(text: str) -> bytes:
    return _short(text)


def _header(key: bytes, value: str) -> bytes:
    raw = value.encode()
    return key + b"S" + _LONG.pack(len(raw)) + raw


_SUBJECT, _TIME, _SCHEMA = b"\x07subject", b"\x04time", b"\x0adataschema"
PARTS_HEADER = "parts"
"""Into how many parts the log is written that an event is for; only where they are more than one."""

_PARTS = b"\x05parts" + b"b"
_TRACEPARENT, _TRACESTATE, _CAUSATION = b"\x0btraceparent", b"\x0atracestate", b"\x0ccausation_id"


def encode_header(
    *,
    body_bytes: int,
    message_id: str,
    source: str,
    message_type: str,
    subject: str,
    time: datetime,
    dataschema: str,
    correlation_id: str,
    causation_id: str,
    traceparent: str,
    tracestate: str = "",
    parts: int = 1,
) -> bytes:
    """Returns the payload of the content header frame.

    docs/outbox-contract.md says what each of a message's attributes becomes. `time` is when the message was written, an
    aware datetime; at SEQUENCE_OFFSET 8 zero bytes are left for the sequence.
    `parts` is the number of the log's parts, told to its readers.

    Raises:
        ValueError: A property is longer than AMQP allows (255 bytes).
    """
    headers = b"".join(
        (
            _SEQUENCE_KEY + bytes(8),
            _header(_SUBJECT, subject),
            _header(_TIME, time.isoformat(timespec="microseconds")),
            _header(_SCHEMA, dataschema),
            _header(_TRACEPARENT, traceparent),
            _header(_TRACESTATE, tracestate) if tracestate else b"",
            _header(_CAUSATION, causation_id),
            _PARTS + bytes((parts,)) if parts > 1 else b"",
        )
    )
    return b"".join(
        (
            _PREFIX.pack(_BASIC_CLASS, 0, body_bytes, _FLAGS),
            b"\x10application/json",
            _LONG.pack(len(headers)),
            headers,
            _PERSISTENT,
            _short(correlation_id),
            _short(message_id),
            _QUAD.pack(int(time.timestamp())),
            _constant(message_type),
            _constant(source),
        )
    )
