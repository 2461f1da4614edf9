"""Moves what was answered to sagas into the archive, where a late command still finds it."""

import time
from collections.abc import Callable
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg

from infirmary.identifiers import least_id_of
from infirmary.postgres.archive.partitions import Partitions
from infirmary.postgres.archive.weeks import Week

OUTCOMES: Final = "saga_outcome_archive"

_DAY_S: Final = 86_400.0
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


class OldOutcomes:
    """The answers to sagas that began a while ago; whether such a saga has ended, a participant does not know."""

    table: Final = "saga_outcome"

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        partitions: Partitions,
        after_days: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepares a pass.

        Args:
            connection: In autocommit mode.
            partitions: Those of the archive.
            after_days: How old the sagas are to be.
            clock: Unix time.
        """
        self._connection, self._partitions = connection, partitions
        self._age_s, self._clock = after_days * _DAY_S, clock
        self._after = UUID(int=0)

    def some(self) -> bool:
        """Moves some; says whether there may be more."""
        until = least_id_of(self._clock() - self._age_s)
        chosen = {"after": self._after, "until": until, "at_most": _SAGAS_AT_ONCE}
        old = [saga_id for (saga_id,) in self._connection.execute(_OLD, chosen)]
        self._partitions.make(map(Week.of_id, old))
        self._connection.execute(_MOVE, (old,))
        self._after = max(old, default=self._after)
        return len(old) == _SAGAS_AT_ONCE
