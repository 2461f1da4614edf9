"""Forgets idempotency keys that nobody will repeat."""

import time
from collections.abc import Callable
from typing import Any, Final, LiteralString

import psycopg

from infirmary.postgres.tables import GrowingTable

KEYS: Final = GrowingTable("idempotency_key", oldest="SELECT min(created_at) FROM idempotency_key")

_DAY_S: Final = 86_400.0
_ROWS_AT_ONCE: Final = 1000

_FORGET: Final[LiteralString] = """
DELETE FROM idempotency_key WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM idempotency_key WHERE created_at < to_timestamp(%s)
    ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED))
"""


class OldKeys:
    """The keys that are older than their answers are remembered."""

    table = KEYS.name

    def __init__(
        self, connection: psycopg.Connection[Any], days: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._connection, self._remembered_s, self._clock = connection, days * _DAY_S, clock

    def some(self) -> bool:
        """Deletes some; says whether there may be more."""
        until = self._clock() - self._remembered_s
        return self._connection.execute(_FORGET, (until, _ROWS_AT_ONCE)).rowcount == _ROWS_AT_ONCE
