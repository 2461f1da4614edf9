"""Makes what was written just now a thing of another day: its times, and the times in the ids of its sagas.

A day is played with the clock that all have. When it is over and nothing is under way, what the library has written is
moved to that day's place in the month, once; then housekeeping is done with a clock of that day. So nothing has to
wait, and no process has to be told another time.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from pymongo.database import Database

DAY_S: Final = 86_400

_LATER: Final[LiteralString] = """
CREATE OR REPLACE FUNCTION pg_temp.later(id uuid, by_s bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint + by_s * 1000), 12, '0')
            || substring(id::text FROM 14))::uuid
$$
"""
"""An id of version 7 begins with its time in milliseconds, 48 bits long."""

_MOVES: Final[Sequence[LiteralString]] = (
    # One statement, so that the key is looked at when both are moved.
    """WITH told AS (UPDATE saga_history SET saga_id = pg_temp.later(saga_id, %(by_s)s),
                                           at = at + make_interval(secs => %(by_s)s)
                     WHERE saga_id BETWEEN %(first)s AND %(last)s)
       UPDATE saga SET saga_id = pg_temp.later(saga_id, %(by_s)s),
                       started_at = started_at + make_interval(secs => %(by_s)s)
       WHERE saga_id BETWEEN %(first)s AND %(last)s""",
    """UPDATE saga_outcome SET saga_id = pg_temp.later(saga_id, %(by_s)s),
                               recorded_at = recorded_at + make_interval(secs => %(by_s)s)
       WHERE saga_id BETWEEN %(first)s AND %(last)s""",
    """UPDATE idempotency_key SET created_at = created_at + make_interval(secs => %(by_s)s)
       WHERE created_at BETWEEN to_timestamp(%(begun)s) AND to_timestamp(%(ended)s)""",
    """UPDATE ended_subject SET ended_at = ended_at + make_interval(secs => %(by_s)s)
       WHERE ended_at BETWEEN to_timestamp(%(begun)s) AND to_timestamp(%(ended)s)""",
    """UPDATE log_sequence SET subject = pg_temp.later(subject::uuid, %(by_s)s)
       WHERE source LIKE '%%.to.%%' AND subject BETWEEN %(first)s::text AND %(last)s::text""",
    """UPDATE outbox_sequence SET subject = split_part(subject, ' ', 1) || ' '
                                            || pg_temp.later(split_part(subject, ' ', 2)::uuid, %(by_s)s)
       WHERE subject LIKE '%%.to.%% %%' AND split_part(subject, ' ', 2) BETWEEN %(first)s::text AND %(last)s::text""",
)


def move(database: psycopg.Connection[Any], begun: float, ended: float, by_days: int) -> None:
    """Moves what was written in a PostgreSQL database between two moments (unix seconds) by so many days."""
    database.execute(_LATER)
    chosen = {"first": _id_of(begun), "last": _id_of(ended), "begun": begun, "ended": ended, "by_s": by_days * DAY_S}
    with database.transaction():
        for statement in _MOVES:
            database.execute(statement, chosen)


def move_documents(database: Database[dict[str, Any]], begun: float, ended: float, by_days: int) -> None:
    """Moves what was noted in a MongoDB database of sagas and of the ends of subjects, likewise."""
    first, last = str(_id_of(begun)), str(_id_of(ended))
    sequences = database["log_sequence"]
    for found in list(sequences.find({"source": {"$regex": r"\.to\."}, "subject": {"$gte": first, "$lte": last}})):
        moved = UUID(int=UUID(found["subject"]).int + (by_days * DAY_S * 1000 << 80))
        sequences.update_one({"_id": found["_id"]}, {"$set": {"subject": str(moved)}})
    between = {"$gte": datetime.fromtimestamp(begun, UTC), "$lte": datetime.fromtimestamp(ended, UTC)}
    for found in list(sequences.find({"ended_at": between})):
        later = found["ended_at"] + timedelta(days=by_days)
        sequences.update_one({"_id": found["_id"]}, {"$set": {"ended_at": later}})


def _id_of(at: float) -> UUID:
    return UUID(int=int(at * 1000) << 80)
