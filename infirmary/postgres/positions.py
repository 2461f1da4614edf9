"""The positions and readers of logs: rows of `log_reader`, and advisory locks of the session that applies."""

from datetime import datetime
from typing import Any, LiteralString

import psycopg

from infirmary.consumer.position import Position
from infirmary.postgres.transaction import Query
from infirmary.transport.log_names import earlier_homes, scope_of

_READER_LOCK: LiteralString = "hashtextextended(%(key)s, 0)"
_SHARING_LOCK = 0x5EADE5
"""Held, shared, by every session that reads parts of a log; any number will do that nothing else uses as two."""

_WHO_SHARES = """
SELECT pg_backend_pid(), array_agg(pid ORDER BY pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND (classid, objid, objsubid) = (%s, 0, 2)
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

_POSITION = """
SELECT first_offset, last_offset, last_message_id,
       (SELECT max(CASE WHEN first_offset > 0 THEN coalesce(complete_since, statement_timestamp())
                        ELSE complete_since END)
        FROM log_reader WHERE log = %(log)s OR log = ANY(%(earlier)s)) AS complete_since
FROM log_reader WHERE log = %(log)s
"""
"""The release before has not noted the time."""


_IDENTITY: LiteralString = """
SELECT system_identifier::text || '.' || (SELECT oid::text FROM pg_database WHERE datname = current_database())
FROM pg_control_system()
"""


class PostgresPositions:
    """The logs of one session."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection, self._query = connection, Query(connection)
        self._owned: set[str] = set()
        self._shares = False

    def own(self, log: str) -> bool:
        """Tries to become the one active reader of a log, by an advisory lock; says whether this session is it."""
        if log not in self._owned and self._query.value(
            f"SELECT pg_try_advisory_lock({_READER_LOCK})", key=_reader_key(log)
        ):
            self._owned.add(log)
        return log in self._owned

    def let_go(self, log: str) -> None:
        """Stops being the reader of a log, if this one is."""
        if log in self._owned:
            self._query.value(f"SELECT pg_advisory_unlock({_READER_LOCK})", key=_reader_key(log))
            self._owned.remove(log)

    def rank(self) -> tuple[int, int]:
        """Returns this session's place among those that hold the shared lock, and how many do."""
        if not self._shares:
            self._connection.execute("SELECT pg_advisory_lock_shared(%s, 0)", (_SHARING_LOCK,))
            self._shares = True
        own, living = self._connection.execute(_WHO_SHARES, (_SHARING_LOCK,)).fetchone() or (0, [0])
        return living.index(own), len(living)

    def note(self, log: str) -> None:
        """Notes that there is a log, or a part of one."""
        self._connection.execute("INSERT INTO log_reader (log) VALUES (%s) ON CONFLICT DO NOTHING", (log,))

    def read(self, log: str) -> Position:
        """Returns how far a log was read."""
        self.note(log)
        return self._query.one(Position, _POSITION, log=log, earlier=earlier_homes(log)) or Position()

    def offsets(self) -> dict[str, int | None]:
        """Returns the stored offset of every log that was ever read.

        Asked once a turn, which also keeps the session from being ended for its idleness.
        """
        return dict(self._connection.execute("SELECT log, last_offset FROM log_reader").fetchall())

    def start_over(self, log: str, complete_since: datetime | None) -> Position:
        """Forgets how far a log was read, keeping what is known of its subjects."""
        self._connection.execute(
            "UPDATE log_reader SET first_offset = NULL, last_offset = NULL, last_message_id = NULL,"
            " complete_since = coalesce(%s, complete_since) WHERE log = %s",
            (complete_since, log),
        )
        return self.read(log)

    def forget_subjects(self, log: str) -> None:
        """Forgets the sequences of a log of commands that has lost some."""
        self._connection.execute("DELETE FROM log_sequence WHERE source = %s", (scope_of(log),))


def identity_of(query: Query) -> str:
    """Returns what tells a database from any other: its server's identifier, made with its files, and its number."""
    return str(query.value(_IDENTITY))


def _reader_key(log: str) -> str:
    return f"infirmary:reader:{log}"
