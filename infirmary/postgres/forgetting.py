"""Forgets the sequences of sagas that are long over; those of aggregates stay, as these may live for ever.

How old a saga is stands in its id, a UUID of version 7. A reader forgets it once its log cannot hold a message of it
any more, and takes whatever sequence may come after that for its first (`LogRules`); a writer forgets it only after
twice that time, so that no reader ever knows a higher sequence than its writer gives out. What is held of a saga keeps
its place: without it, what waits behind a parked message would go before it.
"""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, LiteralString

import psycopg

from infirmary.identifiers import least_id_of
from infirmary.transport.log_names import parsed

_DAY_S: Final = 86_400

_READ: Final[LiteralString] = """
DELETE FROM log_sequence WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM log_sequence WHERE source = %(log)s AND subject < %(oldest)s AND substring(subject, 15, 1) = '7'
           AND NOT EXISTS (SELECT FROM parked_message WHERE channel = %(log)s AND subject = log_sequence.subject)
    ORDER BY subject LIMIT %(at_most)s FOR UPDATE SKIP LOCKED))
"""

_WRITTEN: Final[LiteralString] = """
DELETE FROM outbox_sequence WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM outbox_sequence WHERE subject >= %(log)s || ' ' AND subject < %(log)s || ' ' || %(oldest)s
           AND starts_with(subject, %(log)s || ' ') AND substring(split_part(subject, ' ', 2), 15, 1) = '7'
    ORDER BY subject LIMIT %(at_most)s FOR UPDATE SKIP LOCKED))
"""
"""Rows that somebody holds are left for the next time: nobody ever waits for this."""


_ANSWERED: Final[LiteralString] = """
DELETE FROM answered WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM answered WHERE noted_at < clock_timestamp() - make_interval(days => %(days)s) LIMIT %(at_most)s))
"""
"""What a restore has noted is asked for until the reader has passed it, which is long before its log has expired."""


class Forgetting:
    """Forgets rows of one service, each call a few."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        written: Collection[str],
        days: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepares it.

        Args:
            connection: The consumer's, in autocommit mode.
            written: The logs of commands and replies that the service writes.
            days: For how long a reader remembers a saga.
            clock: Unix time.
        """
        self._connection, self._written, self._days, self._clock = connection, written, days, clock

    def forget(self, logs: Collection[str], at_most: int) -> Mapping[str, int]:
        """Forgets at most so many rows of each log; returns how many it has found, by table.

        Args:
            logs: Those that the service reads.
            at_most: How many.
        """
        read = [log for log in logs if parsed(log).of_commands]
        return {
            "log_sequence": sum(self._forget(_READ, log, self._days, at_most) for log in read),
            "outbox_sequence": sum(self._forget(_WRITTEN, log, 2 * self._days, at_most) for log in self._written),
            "answered": self._connection.execute(_ANSWERED, {"days": self._days, "at_most": at_most}).rowcount,
        }

    def _forget(self, statement: LiteralString, log: str, days: float, at_most: int) -> int:
        oldest = str(least_id_of(self._clock() - days * _DAY_S))
        return self._connection.execute(statement, {"log": log, "oldest": oldest, "at_most": at_most}).rowcount
