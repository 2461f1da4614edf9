"""What stands before a message's body in a log: three sections of AMQP 1.0, written once, by the writer of the message.

Where AMQP 1.0 has no place for a property of AMQP 0-9-1 it stands where RabbitMQ puts it: `type` and `app_id` among the
application properties (to RabbitMQ 3.13), or `type` among the annotations and `app_id` as the group's id (from 4.0). So
every reader, of either protocol, at either release, finds it.

The sequence comes last, so that a database may add its 8 bytes when it has given it out.
"""

import struct
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple

from infirmary_streams import amqp10
from infirmary_streams.amqp10 import symbol, text

TYPE: Final = "x-basic-type"
APP_ID: Final = "x-basic-app-id"
PERSISTENT: Final = symbol("x-basic-delivery-mode") + b"\x50\x02"
_NULL: Final = b"\x40"
_NO_ADDRESSES: Final = _NULL * 4
"""User, receiver, subject and reply address are not told."""
_JSON: Final = symbol("application/json") + _NULL * 2
"""The content type; neither an encoding nor an expiry follows."""
_SUBJECT, _TIME, _TRACEPARENT, _TRACESTATE, _CAUSATION = map(
    text, ("subject", "time", "traceparent", "tracestate", "causation_id")
)
_PARTS: Final = text("parts") + b"\x51"
STATE_PROPERTY: Final = text("state")
"""By these bytes in a header a message is known that tells state again, under the number that it stands for."""

_STATE: Final = STATE_PROPERTY + b"\x81"
_ENDS: Final = text("ends") + b"\x51\x01"
_SEQUENCE: Final = text("sequence") + b"\x81"
_COUNT_BYTES: Final = 4
_COUNT_AND_SEQUENCE_BYTES: Final = 12
_SHORT: Final = 255
"""The most bytes of a property that AMQP 0-9-1 has room for, with which it is read, too."""
_CACHED: Final = 4096
_APPLICATION = struct.Struct(">4sII")


@lru_cache(_CACHED)
def body_head(size: int) -> bytes:
    """What stands between the sections and a body of so many bytes: together they are the message."""
    return b"\x00\x53\x75" + (bytes((0xA0, size)) if size < 256 else struct.pack(">BI", 0xB0, size))


def with_body(sections: bytes, body: bytes) -> bytes:
    """A whole message."""
    return sections + body_head(len(body)) + body


def encoded(
    *,
    message_id: str,
    source: str,
    message_type: str,
    subject: str,
    time: datetime,
    correlation_id: str | None = None,
    dataschema: str | None = None,
    traceparent: str | None = None,
    tracestate: str | None = None,
    causation_id: str | None = None,
    parts: int = 1,
    state: int | None = None,
    ends: bool = False,
    numbered: bool = True,
) -> bytes:
    """The sections of a message up to its sequence: its 8 bytes, big-endian, are to follow.

    docs/outbox-contract.md says what each of a message's attributes becomes; those that are None are left out.

    Args:
        message_id: A UUID as text.
        source: The service that writes it.
        message_type: The message's name.
        subject: What the message is about.
        time: When it was written, an aware datetime.
        correlation_id: The same through a whole flow.
        dataschema: The name of the body's schema.
        traceparent: The trace in which it was written.
        tracestate: What the trace carries along.
        causation_id: The id of what caused it.
        parts: Into how many parts the log is written; told when they are several.
        state: Of a message that tells state again, how many tell it from this one on; 0 says that all has been told.
        ends: Whether nothing is expected to follow of its subject.
        numbered: False for a message that has no sequence: then nothing is to follow.

    Raises:
        ValueError: A property is longer than the 255 bytes that AMQP 0-9-1 has room for, or the time is before 1970 or
            has no zone: Python would take it for one of whatever zone this machine is in.
    """
    fixed = _fixed(message_type, source, dataschema)
    if time.tzinfo is None:
        raise ValueError(f"its time {time} has no zone: give an aware datetime, as datetime.now(UTC) is")
    seconds = time.timestamp()
    if seconds < 0:
        raise ValueError(f"its time {time} is before 1970, and a header holds no such time")
    properties = b"".join(
        (
            _short("message_id", message_id),
            _NO_ADDRESSES,
            _short("correlation_id", correlation_id) if correlation_id else _NULL,
            _JSON,
            amqp10.timestamp(int(seconds) * 1000),
            fixed.group,
        )
    )
    pairs = [fixed.pairs, _SUBJECT + text(subject), _TIME + text(time.isoformat(timespec="microseconds"))]
    if traceparent:
        pairs.append(_TRACEPARENT + text(traceparent))
    if tracestate:
        pairs.append(_TRACESTATE + text(tracestate))
    if causation_id:
        pairs.append(_CAUSATION + text(causation_id))
    if parts > 1:
        pairs.append(_PARTS + bytes((parts,)))
    if state is not None:
        pairs.append(_STATE + state.to_bytes(8, "big"))
    if ends:
        pairs.append(_ENDS)
    count = len(pairs) - 1 + fixed.number
    if numbered:
        pairs.append(_SEQUENCE)
        count += 1
    content = b"".join(pairs)
    size = len(content) + (_COUNT_AND_SEQUENCE_BYTES if numbered else _COUNT_BYTES)
    return b"".join(
        (
            fixed.annotations,
            amqp10.list_section(amqp10.PROPERTIES, properties, 11),
            _APPLICATION.pack(b"\x00\x53\x74\xd1", size, 2 * count),
            content,
        )
    )


class _Fixed(NamedTuple):
    """What all messages of a type have in common: a section, a property, and so many pairs of another section."""

    annotations: bytes
    group: bytes
    pairs: bytes
    number: int


@lru_cache(_CACHED)
def _fixed(message_type: str, source: str, dataschema: str | None) -> _Fixed:
    kind, group = _short("type", message_type), _short("source", source)
    annotations = amqp10.map_section(amqp10.ANNOTATIONS, PERSISTENT + symbol(TYPE) + kind, 2)
    pairs = text(TYPE) + kind + text(APP_ID) + group
    if not dataschema:
        return _Fixed(annotations, group, pairs, 2)
    return _Fixed(annotations, group, pairs + text("dataschema") + text(dataschema), 3)


def _short(name: str, value: str) -> bytes:
    encoded_value = text(value)
    if encoded_value[0] != 0xA1:
        raise ValueError(f"its {name} {value[:40]!r}... has {len(value.encode())} bytes, AMQP has room for {_SHORT}")
    return encoded_value
