"""Moves sagas that ended a while ago into the archive, each with its whole history in one row.

How old a saga is stands in its id, a UUID of version 7; one whose id tells no time stays where it is.
"""

from typing import Final, LiteralString

from infirmary.identifiers import least_id_of
from infirmary.postgres.archive.archiving import Archiving
from infirmary.postgres.archive.weeks import Week

SAGAS: Final = "saga_archive"

_SAGAS_AT_ONCE: Final = 500
"""Each has about ten rows of history."""

_ENDED: Final[LiteralString] = """
SELECT saga_id FROM saga
WHERE saga_id > %(after)s AND saga_id < %(least)s AND status IN ('completed', 'failed')
  AND substring(saga_id::text, 15, 1) = '7'
  AND NOT EXISTS (SELECT FROM saga_history told WHERE told.saga_id = saga.saga_id
                  AND told.at > to_timestamp(%(until)s))
ORDER BY saga_id LIMIT %(at_most)s
"""
"""One that an operator has resumed late stays for as long after its end as others do."""

_LOCK: Final[LiteralString] = "SELECT saga_id FROM saga WHERE saga_id = ANY(%s) FOR UPDATE SKIP LOCKED"

KEPT: Final[LiteralString] = "saga_id, name, status, state, data, correlation_id, traceparent, started_at, version"

_MOVE: Final[LiteralString] = f"""
WITH told AS (DELETE FROM saga_history WHERE saga_id = ANY(%(ended)s) RETURNING *),
     ended AS (DELETE FROM saga WHERE saga_id = ANY(%(ended)s) RETURNING {KEPT}),
     histories AS (
         SELECT saga_id, jsonb_agg(jsonb_build_object('at', at, 'happened', happened, 'status', status, 'sent', sent)
                                   ORDER BY id) AS history
         FROM told GROUP BY saga_id)
INSERT INTO saga_archive AS known ({KEPT}, history)
SELECT {KEPT}, coalesce(history, '[]') FROM ended LEFT JOIN histories USING (saga_id)
ON CONFLICT (saga_id) DO UPDATE SET status = excluded.status, state = excluded.state, data = excluded.data,
   history = known.history || excluded.history
"""
"""It is there already where somebody has begun a saga of the same id once more: both are told."""


class EndedSagas(Archiving):
    """The sagas of a service that are to be archived."""

    table: Final = "saga"

    def some(self) -> bool:
        """Moves some; says whether there may be more."""
        until = self._clock() - self._age_s
        chosen = {"after": self._after, "until": until, "least": least_id_of(until), "at_most": _SAGAS_AT_ONCE}
        ended = [saga_id for (saga_id,) in self._connection.execute(_ENDED, chosen)]
        self._partitions.make(map(Week.of_id, ended))
        with self._connection.transaction():
            locked = [saga_id for (saga_id,) in self._connection.execute(_LOCK, (ended,))]
            # A statement of its own: it sees what was told of them until they were locked.
            self._connection.execute(_MOVE, {"ended": locked})
        self._after = max(ended, default=self._after)
        return len(ended) == _SAGAS_AT_ONCE
