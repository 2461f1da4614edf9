"""Messages that tell state again, as they stand in the outbox: with the sequence that they stand for, no new one."""

import struct
from datetime import UTC, datetime
from typing import Final

from pydantic_core import to_json

from infirmary.identifiers import new_id
from infirmary.messages import Event
from infirmary.tracing.causation import Causation
from infirmary.transport.envelope import Outgoing, outgoing, partition_of
from infirmary.transport.log_names import events_of, home, part_name
from infirmary.transport.write_options import WriteOptions
from infirmary_streams.sections import encoded

LAST_WORD: Final = "StateTold"
"""The type of the message by which a service says that it has told all of its state."""

_SEQUENCE: Final = struct.Struct(">q")


def state_message(
    event: Event, still_to_come: int, *, source: str, cause: Causation, options: WriteOptions
) -> Outgoing:
    """Returns the outbox row of a state message, but for the sequence that it stands for.

    Args:
        event: What tells it.
        still_to_come: How many tell of the same aggregate from this one on.
        source: The service.
        cause: What led to it.
        options: What the process has chosen for all that it writes.
    """
    return outgoing(
        event,
        source=source,
        cause=cause,
        parts=options.log_parts,
        max_bytes=options.message_max_bytes,
        schema_urn=options.schema_urn,
        state=still_to_come,
    )


def with_sequence(header: bytes, sequence: int) -> bytes:
    """Returns a row's header with the sequence that a state message stands for."""
    return header + _SEQUENCE.pack(sequence)


def last_words(source: str, began_at: datetime, *, cause: Causation, options: WriteOptions) -> list[Outgoing]:
    """Returns what tells the readers of each part of a service's log that all of its state has been told.

    They are messages of subjects of their own, the first and only ones.

    Args:
        source: The service.
        began_at: When telling it was begun.
        cause: What led to it.
        options: What the process has chosen for all that it writes.
    """
    parts = options.log_parts
    return [_last_word(source, part, parts, began_at, cause) for part in range(parts)]


def _last_word(source: str, part: int, parts: int, began_at: datetime, cause: Causation) -> Outgoing:
    subject = str(new_id())
    while home(partition_of(subject), parts) != part:
        subject = str(new_id())
    message_id, now, traceparent = new_id(), datetime.now(UTC), cause.next_traceparent()
    header = encoded(
        message_id=str(message_id),
        source=source,
        message_type=LAST_WORD,
        subject=subject,
        time=now,
        correlation_id=cause.correlation_id,
        causation_id=cause.causation_id,
        traceparent=traceparent,
        parts=parts,
        state=0,
        ends=True,
    )
    body = to_json({"began_at": began_at.isoformat()})
    target = part_name(events_of(source), part)
    return Outgoing(
        partition_of(subject),
        message_id,
        target,
        LAST_WORD,
        subject,
        subject,
        header,
        body,
        now,
        traceparent,
        ends=True,
    )
