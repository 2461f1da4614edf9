"""Writes a transaction's messages into its outbox, numbered, in one statement."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, LiteralString

from infirmary.transport.envelope import Outgoing
from infirmary.transport.log_names import parsed

Execute = Callable[[LiteralString, Any], object]
"""Runs a statement with its values: a cursor's `execute`, or what SQLAlchemy has for a driver's own statements."""

_COLUMNS = "partition, message_id, target, type, subject, sequence, header, body, created_at"

# Most transactions write one message. Lists of one element would cost the client and the server half as much again.
# Bytes travel as they are (%b): as text they would be twice as long, and be read digit by digit.
# A row's header ends with its sequence, 8 bytes, big-endian (docs/outbox-contract.md).
# The claim takes the row lock of what is counted before the identity gives out an id: rows of one subject are numbered
# in the order in which they commit.
_WRITE_ONE = f"""
WITH claimed AS (
    INSERT INTO outbox_sequence AS s (subject, last) VALUES (%s, 1)
    ON CONFLICT (subject) DO UPDATE SET last = s.last + 1
    RETURNING last
)
INSERT INTO outbox ({_COLUMNS})
SELECT %s::smallint, %s::uuid, %s, %s, %s, last,
       %b::bytea || int8send(last), %b::bytea, %s::timestamptz
FROM claimed
"""

# Numbers the messages and writes all rows in one round trip. `claimed` takes each row lock before any id is given out
# (the sort needs all of its input first), so rows of one subject are numbered in the order in which they commit. New
# messages that are counted together share one claim: a statement must not touch a row twice. `behind` counts those of
# this statement that follow.
_WRITE_SEVERAL = f"""
WITH claimed AS (
    INSERT INTO outbox_sequence AS s (subject, last)
    SELECT subject, messages FROM unnest(%(counted)s::text[], %(messages)s::bigint[]) AS c (subject, messages)
    ORDER BY subject
    ON CONFLICT (subject) DO UPDATE SET last = s.last + excluded.last
    RETURNING subject, last
)
INSERT INTO outbox ({_COLUMNS})
SELECT m.partition, m.message_id, m.target, m.type, m.subject, c.last - m.behind,
       m.header || int8send(c.last - m.behind), m.body, m.created_at
FROM unnest(%(partitions)s::smallint[], %(message_ids)s::uuid[], %(targets)s::text[], %(types)s::text[],
            %(subjects)s::text[], %(counted_as)s::text[], %(behind)s::bigint[], %(headers)b::bytea[],
            %(bodies)b::bytea[], %(created_at)s::timestamptz[]) WITH ORDINALITY
     AS m (partition, message_id, target, type, subject, counted_as, behind, header, body, created_at, position)
JOIN claimed c ON c.subject = m.counted_as
ORDER BY m.position
"""

_NOTE_ENDS: LiteralString = """
INSERT INTO ended_subject (source, subject, last)
SELECT %(source)s, subject, last FROM outbox_sequence WHERE subject = ANY(%(subjects)s) ORDER BY subject
ON CONFLICT (source, subject) DO UPDATE SET last = excluded.last, ended_at = excluded.ended_at
"""
"""Behind the numbering, whose row locks it has: so the number is that of the event that ends the subject."""


def write(execute: Execute, messages: Sequence[Outgoing]) -> None:
    """Writes the messages, in their order, into the outbox of the transaction in which `execute` runs statements."""
    if len(messages) == 1:
        _write_one(execute, messages[0])
    elif messages:
        _write_several(execute, messages)
    last = {message.counted_as: message for message in messages}
    ended = [message for message in last.values() if message.ends]
    if ended:
        subjects = [message.counted_as for message in ended]
        execute(_NOTE_ENDS, {"source": parsed(ended[0].target).log, "subjects": subjects})


def _write_one(execute: Execute, message: Outgoing) -> None:
    where = (message.partition, message.message_id, message.target, message.type, message.subject)
    execute(_WRITE_ONE, (message.counted_as, *where, message.header, message.body, message.created_at))


def _write_several(execute: Execute, messages: Sequence[Outgoing]) -> None:
    counted = Counter(message.counted_as for message in messages)
    execute(
        _WRITE_SEVERAL,
        {
            "counted": list(counted),
            "messages": list(counted.values()),
            "partitions": [message.partition for message in messages],
            "message_ids": [message.message_id for message in messages],
            "targets": [message.target for message in messages],
            "types": [message.type for message in messages],
            "subjects": [message.subject for message in messages],
            "counted_as": [message.counted_as for message in messages],
            "behind": _still_to_come(messages, counted),
            "headers": [message.header for message in messages],
            "bodies": [message.body for message in messages],
            "created_at": [message.created_at for message in messages],
        },
    )


def _still_to_come(messages: Sequence[Outgoing], counted: Counter[str]) -> list[int]:
    """Returns for each message how many of those that are counted with it follow it here."""
    left = Counter(counted)
    behind: list[int] = []
    for message in messages:
        left[message.counted_as] -= 1
        behind.append(left[message.counted_as])
    return behind
