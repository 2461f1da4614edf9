"""The positions and readers of logs: rows of `log_reader`, and advisory locks of the session that applies."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from infirmary.consumer.loss import Loss
from infirmary.consumer.position import Position
from infirmary.postgres.transaction import Query
from infirmary.transport.log_names import earlier_homes, scope_of

_READER_LOCK: LiteralString = "hashtextextended(%(key)s, 0)"
_SHARING_LOCK = 0x5EADE5
"""Held, shared, by every session that reads parts of a log; any number will do if nothing else uses it or the next."""

_WHO_SHARES = """
SELECT pg_backend_pid(), array_agg(pid ORDER BY pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND (classid, objid, objsubid) = (%s, 0, 2)
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

_POSITION = """
SELECT first_offset, last_offset, last_message_id, lost_messages, lost_before,
       (SELECT max(CASE WHEN first_offset > 0 THEN coalesce(complete_since, statement_timestamp())
                        ELSE complete_since END)
        FROM log_reader WHERE log = %(log)s OR log = ANY(%(earlier)s)) AS complete_since,
       (SELECT max(forgotten_before) FROM log_reader WHERE log = %(log)s OR log = ANY(%(earlier)s)) AS forgotten_before
FROM log_reader WHERE log = %(log)s
"""
"""The release before has not noted the time."""

_NOTE_LOSS: LiteralString = """
UPDATE log_reader SET lost_messages = coalesce(lost_messages, 0) + %(messages)s,
                      lost_before = greatest(lost_before, %(before)s)
WHERE log = %(log)s RETURNING lost_messages AS messages, lost_before AS before
"""

_IDENTITY: LiteralString = """
SELECT system_identifier::text || '.' || (SELECT oid::text FROM pg_database WHERE datname = current_database())
FROM pg_control_system()
"""


@dataclass(frozen=True, slots=True)
class _Row:
    first_offset: int | None
    last_offset: int | None
    last_message_id: UUID | None
    lost_messages: int | None
    lost_before: datetime | None
    complete_since: datetime | None
    forgotten_before: datetime | None

    def position(self) -> Position:
        loss = None if self.lost_before is None else Loss(self.lost_messages or 0, self.lost_before)
        known = (self.first_offset, self.last_offset, self.last_message_id, self.complete_since)
        return Position(*known, loss, self.forgotten_before)


class PostgresPositions:
    """The logs of one session.

    Attributes:
        some_answered: Whether a restore has noted messages that it found answered. Nobody restores while a log of the
            service has a reader, so whoever has become one knows.
    """

    def __init__(self, connection: psycopg.Connection[Any], beside: str = "") -> None:
        """Prepares them.

        Args:
            connection: The session that applies, or that looks.
            beside: The schema of a read model that is filled beside the one in use; its readers keep nobody out who
                reads for the one in use.
        """
        self._connection, self._query = connection, Query(connection)
        self._reader, self._sharing_lock = (
            (f"reader:{beside}", _SHARING_LOCK + 1) if beside else ("reader", _SHARING_LOCK)
        )
        self._owned: set[str] = set()
        self._shares = self.some_answered = False

    def own(self, log: str) -> bool:
        """Tries to become the one active reader of a log, by an advisory lock; says whether this session is it."""
        if log not in self._owned and self._query.value(
            f"SELECT pg_try_advisory_lock({_READER_LOCK})", key=self._key(log)
        ):
            self._owned.add(log)
            self.some_answered = bool(self._query.value("SELECT EXISTS (SELECT FROM answered)"))
        return log in self._owned

    def let_go(self, log: str) -> None:
        """Stops being the reader of a log, if this one is."""
        if log in self._owned:
            self._query.value(f"SELECT pg_advisory_unlock({_READER_LOCK})", key=self._key(log))
            self._owned.remove(log)

    def rank(self) -> tuple[int, int]:
        """Returns this session's place among those that hold the shared lock, and how many do."""
        if not self._shares:
            self._connection.execute("SELECT pg_advisory_lock_shared(%s, 0)", (self._sharing_lock,))
            self._shares = True
        own, living = self._connection.execute(_WHO_SHARES, (self._sharing_lock,)).fetchone() or (0, [0])
        return living.index(own), len(living)

    def note(self, log: str) -> None:
        """Notes that there is a log, or a part of one."""
        self._connection.execute("INSERT INTO log_reader (log) VALUES (%s) ON CONFLICT DO NOTHING", (log,))

    def read(self, log: str) -> Position:
        """Returns how far a log was read."""
        self.note(log)
        row = self._query.one(_Row, _POSITION, log=log, earlier=earlier_homes(log))
        return Position() if row is None else row.position()

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

    def losses(self) -> dict[str, Loss]:
        """Returns what was lost of logs and parts, and their writers have not made up for."""
        found = self._connection.execute(
            "SELECT log, coalesce(lost_messages, 0), lost_before FROM log_reader WHERE lost_before IS NOT NULL"
        )
        return {log: Loss(messages, before) for log, messages, before in found.fetchall()}

    def forgotten_before(self) -> dict[str, datetime]:
        """Returns before when ended subjects of logs and parts may have been forgotten, where some may."""
        found = self._connection.execute(
            "SELECT log, forgotten_before FROM log_reader WHERE forgotten_before IS NOT NULL"
        )
        return dict(found.fetchall())

    def note_loss(self, log: str, more: Loss) -> Loss:
        """Notes that messages of a log have expired before they were read. Returns all that is lost of it."""
        return self._query.one(Loss, _NOTE_LOSS, log=log, messages=more.messages, before=more.before) or more

    def settle_loss(self, log: str) -> None:
        """Forgets what was lost of a log: its writer has made up for it."""
        self._query.execute(
            "UPDATE log_reader SET lost_messages = NULL, lost_before = NULL WHERE log = %(log)s", log=log
        )

    def go_on_without(self, log: str) -> None:
        """Notes that nobody has to do anything about what was lost of a log."""
        self._query.execute("UPDATE log_reader SET lost_messages = NULL WHERE log = %(log)s", log=log)

    def forget_subjects(self, log: str) -> None:
        """Forgets the sequences of a log of commands that has lost some."""
        self._connection.execute("DELETE FROM log_sequence WHERE source = %s", (scope_of(log),))

    def _key(self, log: str) -> str:
        return f"infirmary:{self._reader}:{log}"


def identity_of(query: Query) -> str:
    """Returns what tells a database from any other: its server's identifier, made with its files, and its number."""
    return str(query.value(_IDENTITY))
