"""Which transactions have written to the outbox and do not end: they hold the floor, or will hold the next one."""

import time

from infirmary_relay.floor import Floor
from infirmary_relay.sources import postgres_statements as statements
from infirmary_relay.sources.postgres_ownership import PostgresConnection

_LONG_S = 5.0
"""What ends sooner is nobody's concern."""
_SAMPLE_S = 0.1
"""How often to ask who holds the lock on the outbox: pg_locks looks at every backend."""


class Writers:
    """Looks at the writers of one outbox now and then; times are those of one monotonic clock, in seconds."""

    def __init__(self, connection: PostgresConnection, outbox_oid: int) -> None:
        self._connection = connection
        self._outbox_oid = outbox_oid
        self._since: dict[str, float] = {}
        self._next_sample = 0.0

    def tell(self, floor: Floor, now: float) -> None:
        """Tells the floor who holds the outbox's lock, when that helps it to rise, and was not asked just now."""
        if floor.wants_sample and now >= self._next_sample:
            self._next_sample = now + _SAMPLE_S
            asked = {"outbox": self._outbox_oid}
            rows = self._connection.execute(statements.WRITERS, asked, prepare=True).fetchall()
            floor.sampled({writer for (writer,) in rows})

    def look(self) -> float | None:
        """Since when the longest has gone on, None when there is none that is long.

        The server does not tell everybody when a transaction of another role began: then it is when it was first seen.
        """
        now = time.monotonic()
        asked = {"outbox": self._outbox_oid}
        found = self._connection.execute(statements.OPEN_WRITERS, asked, prepare=True).fetchall()
        self._since = {writer: min(self._since.get(writer, now), now - (open_s or 0.0)) for writer, open_s in found}
        longest = min(self._since.values(), default=now)
        return longest if now - longest > _LONG_S else None
