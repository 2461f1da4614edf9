"""Subjects that have ended: rows of `ended_subject`, until their last numbers are forgotten with them.

A service notes the end of what it tells of under the name of its log, and the end of what it was told of under the
name of the log's writer, as the numbers are kept. An end that something has followed counts for nothing: it has another
number than the last.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, LiteralString

import psycopg

from infirmary.consumer.ends import Beginnings, reader_forgets_before, writer_forgets_before
from infirmary.transport.log_names import events_of, parsed

_AT_ONCE: Final = 500

NOTE: Final[LiteralString] = """
INSERT INTO ended_subject (source, subject, last)
SELECT %(source)s, subject, last FROM unnest(%(subjects)s::text[], %(last)s::bigint[]) AS ended (subject, last)
ORDER BY subject
ON CONFLICT (source, subject) DO UPDATE SET last = excluded.last, ended_at = excluded.ended_at
"""

_SOME_BETWEEN: Final[LiteralString] = """
SELECT EXISTS (SELECT FROM ended_subject WHERE source = %(source)s
               AND ended_at >= to_timestamp(%(since)s) AND ended_at < to_timestamp(%(before)s))
"""

_READ: Final[LiteralString] = """
WITH due AS (
    DELETE FROM ended_subject WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM ended_subject ended WHERE source = %(source)s AND ended_at < to_timestamp(%(before)s)
               AND NOT EXISTS (SELECT FROM parked_message
                               WHERE channel = ANY(%(logs)s) AND subject = ended.subject)
        ORDER BY ended_at LIMIT %(at_most)s FOR UPDATE SKIP LOCKED))
    RETURNING subject, last
), gone AS (
    DELETE FROM log_sequence s USING due
    WHERE s.source = %(source)s AND s.subject = due.subject AND s.last = due.last
)
SELECT count(*) FROM due
"""
"""What is held of a subject keeps its place: without it, what waits behind a parked message would go before it."""

_WRITTEN: Final[LiteralString] = """
WITH due AS (
    DELETE FROM ended_subject WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM ended_subject WHERE source = %(source)s AND ended_at < to_timestamp(%(before)s)
        ORDER BY ended_at LIMIT %(at_most)s FOR UPDATE SKIP LOCKED))
    RETURNING subject, last
), gone AS (
    DELETE FROM outbox_sequence s USING due WHERE s.subject = due.subject AND s.last = due.last
)
SELECT count(*) FROM due
"""

_TELL_READERS: Final[LiteralString] = """
UPDATE log_reader SET forgotten_before = to_timestamp(%(before)s)
WHERE log = ANY(%(logs)s) AND coalesce(forgotten_before < to_timestamp(%(before)s), true)
"""

_UNKNOWN: Final[LiteralString] = """
SELECT DISTINCT subject FROM parked_message p WHERE channel = ANY(%(logs)s) AND subject IS NOT NULL
       AND NOT EXISTS (SELECT FROM log_sequence s WHERE s.source = %(source)s AND s.subject = p.subject)
"""

_OLDEST_WAITING: Final[LiteralString] = """
SELECT least(created_at, clock_timestamp()) FROM outbox ORDER BY id LIMIT 1
"""
"""What was written before the first one that waits was numbered before it, and so has left."""


class EndedSubjects:
    """Forgets the numbers of subjects that have ended, each call some.

    A reader is told before when subjects may be forgotten, and only in the next pass, a minute later, they are.
    """

    table: Final = "ended_subject"

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        service: str,
        days: float,
        beginnings: Beginnings,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepares it.

        Args:
            connection: In autocommit mode.
            service: Whose database it is.
            days: For how long a reader remembers a subject at least.
            beginnings: Says when the first messages of logs were written.
            clock: Unix time.
        """
        self._connection, self._service, self._days = connection, service, days
        self._beginnings, self._clock = beginnings, clock

    def some(self) -> bool:
        """Forgets some; says whether there may be more to be forgotten now."""
        most = [self._forget_read(source, logs) for source, logs in self._read().items()]
        return max([*most, self._forget_written()]) >= _AT_ONCE

    def _read(self) -> Mapping[str, Mapping[str, float]]:
        """Returns the logs of events that are read, by writer, each with what it was told last."""
        found: dict[str, dict[str, float]] = {}
        for log, before in self._connection.execute("SELECT log, forgotten_before FROM log_reader").fetchall():
            if not parsed(log).of_commands:
                found.setdefault(parsed(log).writer, {})[log] = 0.0 if before is None else before.timestamp()
        return found

    def _forget_read(self, source: str, logs: Mapping[str, float]) -> int:
        now, told = self._clock(), min(logs.values())
        began = self._began(source, list(logs), now - self._days * 86_400)
        if began is None:
            return 0
        unknown = self._connection.execute(_UNKNOWN, {"logs": list(logs), "source": source}).fetchall()
        before = reader_forgets_before(now, self._days, began, (subject for (subject,) in unknown))
        forgotten = self._count(_READ, source=source, logs=list(logs), before=min(before, told), at_most=_AT_ONCE)
        if forgotten < _AT_ONCE and self._some(source, told, before):
            self._connection.execute(_TELL_READERS, {"before": before, "logs": list(logs)})
        return forgotten

    def _forget_written(self) -> int:
        now, source = self._clock(), events_of(self._service)
        logs = [log for (log,) in self._connection.execute("SELECT log FROM outbox_log").fetchall()]
        events = [log for log in logs if parsed(log).log == source]
        began = self._began(source, events, now - 2 * self._days * 86_400)
        if began is None:
            return 0
        with self._connection.transaction():
            waiting = self._connection.execute(_OLDEST_WAITING).fetchone()
            oldest = None if waiting is None else waiting[0].timestamp()
            before = writer_forgets_before(now, self._days, began, oldest)
            return self._count(_WRITTEN, source=source, before=before, at_most=_AT_ONCE)

    def _began(self, source: str, logs: list[str], before: float) -> float | None:
        """Returns when the first message of logs was written; None where nothing is old enough, or it is not known."""
        if not logs or not self._some(source, 0.0, before):
            return None
        began = self._beginnings(logs)
        return min(began.values()) if len(began) == len(logs) else None

    def _some(self, source: str, since: float, before: float) -> bool:
        return bool(self._value(_SOME_BETWEEN, source=source, since=since, before=before))

    def _count(self, statement: LiteralString, **values: object) -> int:
        return int(self._value(statement, **values))

    def _value(self, statement: LiteralString, **values: object) -> Any:
        (value,) = self._connection.execute(statement, values).fetchone() or (0,)
        return value
