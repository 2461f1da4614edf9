"""Counts of the messages that a service with a PostgreSQL database holds, waits for, and has to try."""

from dataclasses import dataclass
from datetime import datetime

from infirmary.consumer.held_now import PARKED, WAITING, HeldNow
from infirmary.postgres.locks import PUT_OFF
from infirmary.postgres.transaction import Query
from infirmary.transport.log_names import scope_of, writer_of


@dataclass(frozen=True, slots=True)
class _HeldInState:
    failed: bool
    messages: int
    oldest: datetime


class ParkedCounts:
    """Counts rows of `parked_message`."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def count(self, channel: str) -> HeldNow:
        """Returns how many messages of a log are held, and the oldest since when. What is put off only waits."""
        found = self._query.many(
            _HeldInState,
            """SELECT coalesce(NOT starts_with(left(error, %(length)s), %(put_off)s), false) AS failed,
                      count(*) AS messages, min(parked_at) AS oldest
               FROM parked_message WHERE channel = %(channel)s GROUP BY 1""",
            channel=channel,
            put_off=PUT_OFF,
            length=len(PUT_OFF),
        )
        counted = {PARKED if state.failed else WAITING: state for state in found}
        return HeldNow(
            {name: state.messages for name, state in counted.items()},
            {name: state.oldest.timestamp() for name, state in counted.items()},
        )

    def missing(self, channel: str) -> int:
        """Returns how many messages are missing: those that held ones of their subjects wait for."""
        found = self._query.value(
            """SELECT sum(highest - last - held) FROM (
                   SELECT max(p.sequence) AS highest, coalesce(s.last, 0) AS last, count(DISTINCT p.sequence) AS held
                   FROM parked_message p LEFT JOIN log_sequence s ON s.source = %(scope)s AND s.subject = p.subject
                   WHERE p.channel = %(channel)s AND p.source = %(writer)s AND p.sequence > coalesce(s.last, 0)
                   GROUP BY p.subject, s.last) AS subjects""",
            channel=channel,
            writer=writer_of(channel),
            scope=scope_of(channel),
        )
        return int(found or 0)

    def some_due_failed(self, channel: str, at_once: int) -> bool | None:
        """Says whether any of those due for longest has failed before; None if nothing is due."""
        found: bool | None = self._query.value(
            """SELECT bool_or(failed) FROM (SELECT error IS NOT NULL AS failed FROM parked_message
                                            WHERE channel = %(channel)s AND retry_at <= statement_timestamp()
                                            ORDER BY retry_at LIMIT %(at_once)s) AS due""",
            channel=channel,
            at_once=at_once,
        )
        return found
