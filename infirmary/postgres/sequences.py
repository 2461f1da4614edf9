"""The last messages of a log's subjects that were applied or passed: rows of `log_sequence`. Their numbers only grow.

What tells the last message from another one with its number is told with that number: a pod of the release before
moves the number on and leaves the rest, which is then known to be of an older message.
"""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import psycopg

from infirmary.consumer.sequence import Fingerprint, Last
from infirmary.postgres.ended_subjects import NOTE
from infirmary.postgres.transaction import Query
from infirmary.transport.log_names import scope_of

Row = tuple[str, int, UUID | None, float | None]


def ask_for_last(query: Query, channel: str, subjects: Collection[str], *, lock: bool = False) -> psycopg.Cursor[Any]:
    """Asks for those of some subjects; one that was never seen has none.

    Returns:
        A cursor whose rows `told` reads when they are needed: in a pipeline nobody waits for it here.
    """
    return query.connection.execute(
        """SELECT subject, last, CASE WHEN identified = last THEN last_message_id END, date_part('epoch', applied_at)
           FROM log_sequence WHERE source = %(scope)s AND subject = ANY(%(subjects)s)"""
        + (" FOR UPDATE" if lock else ""),
        {"scope": scope_of(channel), "subjects": list(subjects)},
    )


def told(asked: psycopg.Cursor[Row]) -> dict[str, Last]:
    """Returns what was asked for, by subject."""
    return {
        subject: Last(last, None if message_id is None or applied_at is None else Fingerprint(message_id, applied_at))
        for subject, last, message_id, applied_at in asked
    }


def raise_to(query: Query, channel: str, last: Mapping[str, Last]) -> None:
    """Notes how far subjects have come; one that is further already stays as it is."""
    fingerprints = [each.fingerprint for each in last.values()]
    query.execute(
        """INSERT INTO log_sequence (source, subject, last, identified, last_message_id, applied_at)
           SELECT %(scope)s, subject, last, CASE WHEN message_id IS NOT NULL THEN last END, message_id,
                  to_timestamp(applied_at)
           FROM unnest(%(subjects)s::text[], %(last)s::bigint[], %(message_ids)s::uuid[], %(applied_at)s::float8[])
                AS come (subject, last, message_id, applied_at)
           ON CONFLICT (source, subject) DO UPDATE
           SET last = excluded.last, identified = excluded.identified, last_message_id = excluded.last_message_id,
               applied_at = excluded.applied_at
           WHERE log_sequence.last < excluded.last""",
        scope=scope_of(channel),
        subjects=list(last),
        last=[each.sequence for each in last.values()],
        message_ids=[each and each.message_id for each in fingerprints],
        applied_at=[each and each.applied_at for each in fingerprints],
    )
    ended = {subject: each.sequence for subject, each in last.items() if each.ends}
    if ended:
        query.execute(NOTE, source=scope_of(channel), subjects=list(ended), last=list(ended.values()))
