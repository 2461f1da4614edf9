"""The last sequences of a log's subjects that were applied or passed: rows of `log_sequence`. They only grow."""

from collections.abc import Collection, Mapping

import psycopg

from infirmary.postgres.transaction import Query
from infirmary.transport.log_names import scope_of


def ask_for_last(
    query: Query, channel: str, subjects: Collection[str], *, lock: bool = False
) -> psycopg.Cursor[tuple[str, int]]:
    """Asks for those of some subjects; one that was never seen has none.

    Returns:
        A cursor on (subject, sequence), to be fetched when they are needed: in a pipeline nobody waits for it here.
    """
    return query.connection.execute(
        "SELECT subject, last FROM log_sequence WHERE source = %(scope)s AND subject = ANY(%(subjects)s)"
        + (" FOR UPDATE" if lock else ""),
        {"scope": scope_of(channel), "subjects": list(subjects)},
    )


def raise_to(query: Query, channel: str, last: Mapping[str, int]) -> None:
    """Notes how far subjects have come; one that is further already stays there."""
    query.execute(
        """INSERT INTO log_sequence (source, subject, last)
           SELECT %(scope)s, subject, last FROM unnest(%(subjects)s::text[], %(last)s::bigint[]) AS come (subject, last)
           ON CONFLICT (source, subject) DO UPDATE SET last = greatest(log_sequence.last, excluded.last)""",
        scope=scope_of(channel),
        subjects=list(last),
        last=list(last.values()),
    )
