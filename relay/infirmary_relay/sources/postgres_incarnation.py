"""Which numbers a database has given out, and the mark that it was set back, in PostgreSQL."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg

from infirmary_relay.broker.targets import counted_as
from infirmary_relay.set_back.comparison import Known
from infirmary_relay.set_back.told import Told
from infirmary_relay.sources import postgres_statements as statements
from infirmary_relay.sources.postgres_session import lost_as_source_lost
from infirmary_streams.sections import STATE_PROPERTY

_log = logging.getLogger(__name__)
_Connection = psycopg.Connection[tuple[Any, ...]]


def incarnation_of(connection: _Connection) -> "PostgresIncarnation | None":
    """The table `incarnation`; None where it or `outbox_sequence` is not there, or may not be read."""
    ((is_told,),) = connection.execute(statements.TELLS_INCARNATION).fetchall()
    return PostgresIncarnation(connection) if is_told else None


class PostgresIncarnation:
    """The tables `incarnation` and `outbox_sequence`; see Incarnation for what its methods promise."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def set_back_because(self) -> str | None:
        """In what it was seen that the database was set back, if it is marked so."""
        with lost_as_source_lost():
            found = self._connection.execute(statements.SET_BACK).fetchone()
        return None if found is None else str(found[0])

    def mark_set_back(self, because: str) -> None:
        """Marks the database as set back."""
        with lost_as_source_lost():
            try:
                self._connection.execute(statements.MARK_SET_BACK, {"because": because})
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.LockNotAvailable) as refused:
                _log.warning("that the database was set back cannot be marked in it: %s", str(refused).strip())

    def known(self, told: Sequence[Told]) -> Known:
        """What the database has given out, of the subjects of some messages."""
        asked = {"counted": list({each.counted_as for each in told}), "subjects": list({each.subject for each in told})}
        with lost_as_source_lost():
            last = self._connection.execute(statements.GIVEN_OUT, asked).fetchall()
            waiting = self._waiting(asked)
        return Known(
            dict(last),
            {(counted_as(target, subject), sequence): str(name) for target, subject, sequence, name in waiting},
        )

    def _waiting(self, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The numbered rows of some subjects; none where one of them cannot be read out, which the fetch sets apart."""
        try:
            return self._connection.execute(statements.STILL_WAITING, {**asked, "state": STATE_PROPERTY}).fetchall()
        except psycopg.DataError as unreadable:
            _log.warning("what waits is not compared with the logs: %s", str(unreadable).strip())
            return []
