"""What is confirmed and not yet deleted, and what cannot be deleted, as another session has it locked."""

import psycopg

from infirmary_relay.problem import Problem, Reason
from infirmary_relay.sources import postgres_statements as statements
from infirmary_relay.sources.postgres_ownership import PostgresConnection
from infirmary_relay.sources.postgres_types import Ids

_AGAIN_S = 1.0
_TOLD_AFTER_S = 3.0
"""How long a lock may last before it is reported."""


class Deletion:
    """The confirmed rows of one session; times are those of one monotonic clock, in seconds."""

    def __init__(self, connection: PostgresConnection) -> None:
        self._connection = connection
        self.confirmed = Ids()
        """What goes with the next statement that deletes."""
        self.locked: set[int] = set()
        """What could not be deleted: it stays in flight, so that it is not sent again."""
        self.is_table_locked = False
        """Whether the last fetch found that nothing of the outbox can even be read."""
        self._locked_since = self._tried_at = self._now = 0.0

    @property
    def last_error(self) -> Problem | None:
        """Says that the table is locked, or that rows have been locked for long."""
        if self.is_table_locked:
            return Problem(Reason.LOCKED, "PostgreSQL: another session has locked the outbox as a whole")
        if not self.locked or self._now - self._locked_since < _TOLD_AFTER_S:
            return None
        text = f"{len(self.locked)} rows that were sent cannot be deleted: another session has locked them"
        return Problem(Reason.LOCKED, f"PostgreSQL: {text}")

    def retry_locked(self, now: float) -> set[int]:
        """Tries again now and then to delete what was locked; gives what is gone."""
        self._now = now
        if not self.locked or now < self._tried_at + _AGAIN_S:
            return set()
        return self.around_locks()

    def flush(self) -> set[int]:
        """Deletes the confirmed; gives what is gone."""
        if not self.locked:
            try:
                self._connection.execute(statements.DELETE, {"confirmed": self.confirmed}, prepare=True)
            except psycopg.errors.LockNotAvailable:
                pass
            else:
                return self.done()
        return self.around_locks()

    def done(self) -> set[int]:
        """Notes that the confirmed have been deleted; gives them."""
        gone, self.confirmed = set(self.confirmed), Ids()
        return gone

    def around_locks(self) -> set[int]:
        """Deletes what nobody has locked, without waiting, and notes the rest; gives what is gone."""
        self._tried_at = self._now
        if not self.locked:
            self._locked_since = self._now
        asked = self.locked | self.done()
        try:
            rows = self._connection.execute(statements.DELETE_AROUND_LOCKS, {"ids": Ids(sorted(asked))}, prepare=True)
            self.locked = {row_id for (row_id,) in rows.fetchall()}
        except psycopg.errors.LockNotAvailable:  # the whole table is locked
            self.locked = asked
        return asked - self.locked
