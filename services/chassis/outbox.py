"""Writes a transaction's messages into its outbox, numbered, in one statement."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import psycopg

from services.chassis.envelope import Outgoing
from services.chassis.wire import SEQUENCE_OFFSET

_COLUMNS = "partition, message_id, target, type, subject, sequence, header, body, created_at"

# Most transactions write one message. Lists of one element would cost the client and the server half as much again.
# Bytes travel as they are (%b): as text they would be twice as long, and be read digit by digit.
_WRITE_ONE = f"""
INSERT INTO outbox ({_COLUMNS})
VALUES (%s, %s, %s, %s, %s, NULL, %b, %b, %s)
"""

# The claim takes the subject's row lock before the identity gives out an id: rows of one subject are numbered in the
# order in which they commit.
_WRITE_ONE_EVENT = f"""
WITH claimed AS (
    INSERT INTO outbox_sequence AS s (subject, last) VALUES (%s, 1)
    ON CONFLICT (subject) DO UPDATE SET last = s.last + 1
    RETURNING subject, last
)
INSERT INTO outbox ({_COLUMNS})
SELECT %s::smallint, %s::uuid, %s, %s, subject, last,
       overlay(%b::bytea PLACING int8send(last) FROM {SEQUENCE_OFFSET + 1}), %b::bytea, %s::timestamptz
FROM claimed
"""

# Numbers the events and writes all rows in one round trip. `claimed` takes each subject's row lock before any id is
# given out (the sort needs all of its input first), so rows of one subject are numbered in the order in which they
# commit. A subject's new events share one claim: a statement must not touch a row twice. `behind` counts this
# statement's later events of the subject.
_WRITE_SEVERAL = f"""
WITH claimed AS (
    INSERT INTO outbox_sequence AS s (subject, last)
    SELECT subject, events FROM unnest(%(subjects)s::text[], %(events)s::bigint[]) AS c (subject, events)
    ORDER BY subject
    ON CONFLICT (subject) DO UPDATE SET last = s.last + excluded.last
    RETURNING subject, last
)
INSERT INTO outbox ({_COLUMNS})
SELECT m.partition, m.message_id, m.target, m.type, m.subject, c.last - m.behind,
       CASE WHEN c.last IS NULL THEN m.header
            ELSE overlay(m.header PLACING int8send(c.last - m.behind) FROM {SEQUENCE_OFFSET + 1}) END,
       m.body, m.created_at
FROM unnest(%(partitions)s::smallint[], %(message_ids)s::uuid[], %(targets)s::text[], %(types)s::text[],
            %(message_subjects)s::text[], %(behind)s::bigint[], %(headers)b::bytea[], %(bodies)b::bytea[],
            %(created_at)s::timestamptz[]) WITH ORDINALITY
     AS m (partition, message_id, target, type, subject, behind, header, body, created_at, position)
LEFT JOIN claimed c ON c.subject = m.subject AND m.behind IS NOT NULL
ORDER BY m.position
"""


def write(cursor: psycopg.Cursor[Any], messages: Sequence[Outgoing]) -> None:
    """Writes the messages, in their order, into the outbox of the transaction that the cursor's connection is in."""
    if len(messages) == 1:
        _write_one(cursor, messages[0])
    elif messages:
        _write_several(cursor, messages)


def _write_one(cursor: psycopg.Cursor[Any], message: Outgoing) -> None:
    where = (message.partition, message.message_id, message.target, message.type)
    what = (message.header, message.body, message.created_at)
    if message.sequenced:
        cursor.execute(_WRITE_ONE_EVENT, (message.subject, *where, *what))
    else:
        cursor.execute(_WRITE_ONE, (*where, message.subject, *what))


def _write_several(cursor: psycopg.Cursor[Any], messages: Sequence[Outgoing]) -> None:
    events = Counter(message.subject for message in messages if message.sequenced)
    cursor.execute(
        _WRITE_SEVERAL,
        {
            "subjects": list(events),
            "events": list(events.values()),
            "partitions": [message.partition for message in messages],
            "message_ids": [message.message_id for message in messages],
            "targets": [message.target for message in messages],
            "types": [message.type for message in messages],
            "message_subjects": [message.subject for message in messages],
            "behind": _still_to_come(messages, events),
            "headers": [message.header for message in messages],
            "bodies": [message.body for message in messages],
            "created_at": [message.created_at for message in messages],
        },
    )


def _still_to_come(messages: Sequence[Outgoing], events: Counter[str]) -> list[int | None]:
    """Returns for each event how many events of its subject follow it here; None for commands and replies."""
    left = Counter(events)
    behind: list[int | None] = []
    for message in messages:
        if message.sequenced:
            left[message.subject] -= 1
            behind.append(left[message.subject])
        else:
            behind.append(None)
    return behind
