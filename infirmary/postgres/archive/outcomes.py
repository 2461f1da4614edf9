"""Moves what was answered to sagas into the archive, where a late command still finds it."""

from typing import Final, LiteralString

from infirmary.identifiers import least_id_of
from infirmary.postgres.archive.archiving import Archiving
from infirmary.postgres.archive.weeks import Week

OUTCOMES: Final = "saga_outcome_archive"

_SAGAS_AT_ONCE: Final = 1000

_OLD: Final[LiteralString] = """
SELECT saga_id FROM saga_outcome WHERE saga_id > %(after)s AND saga_id < %(until)s
  AND substring(saga_id::text, 15, 1) = '7'
GROUP BY saga_id ORDER BY saga_id LIMIT %(at_most)s
"""

KEPT: Final[LiteralString] = "saga_id, step, outcome, reason, recorded_at"

_MOVE: Final[LiteralString] = f"""
WITH old AS (DELETE FROM saga_outcome WHERE saga_id = ANY(%s) RETURNING {KEPT})
INSERT INTO saga_outcome_archive ({KEPT}) SELECT {KEPT} FROM old ON CONFLICT DO NOTHING
"""


class OldOutcomes(Archiving):
    """The answers to sagas that began a while ago; whether such a saga has ended, a participant does not know."""

    table: Final = "saga_outcome"

    def some(self) -> bool:
        """Moves some; says whether there may be more."""
        until = least_id_of(self._clock() - self._age_s)
        chosen = {"after": self._after, "until": until, "at_most": _SAGAS_AT_ONCE}
        old = [saga_id for (saga_id,) in self._connection.execute(_OLD, chosen)]
        self._partitions.make(map(Week.of_id, old))
        self._connection.execute(_MOVE, (old,))
        self._after = max(old, default=self._after)
        return len(old) == _SAGAS_AT_ONCE
