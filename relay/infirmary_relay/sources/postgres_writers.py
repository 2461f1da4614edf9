"""Which transactions have written to the outbox and do not end: they hold the floor, or will hold the next one."""

import time

from infirmary_relay.sources import postgres_statements as statements
from infirmary_relay.sources.postgres_ownership import PostgresConnection

_LONG_S = 5.0
"""What ends sooner is nobody's concern."""


class Writers:
    """Looks at the writers of one outbox now and then; times are those of one monotonic clock, in seconds."""

    def __init__(self, connection: PostgresConnection, outbox_oid: int) -> None:
        self._connection = connection
        self._outbox_oid = outbox_oid
        self._since: dict[str, float] = {}

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
