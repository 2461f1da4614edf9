"""The service's own PostgreSQL database as its API uses it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import ConnectionPool

from infirmary.beside import Beside
from infirmary.incarnation import DatabaseSetBack
from infirmary.messages import Notice
from infirmary.observing.health import Reason
from infirmary.observing.pool_state import PoolState
from infirmary.observing.readiness import ProcessProblem
from infirmary.observing.tables import measuring
from infirmary.postgres.database import LOST_STATEMENT_STATES, is_transient
from infirmary.postgres.housekeeping import housekeeping_of_api
from infirmary.postgres.incarnation import set_back_because
from infirmary.postgres.key_retention import KEYS
from infirmary.postgres.notify import Notifier
from infirmary.postgres.session import BoundedConnection, parameters, session_options
from infirmary.postgres.tables import PostgresTables
from infirmary.postgres.transaction import Query, Transaction, transaction
from infirmary.settings import Settings
from infirmary.tracing.causation import Causation, causation_of
from infirmary.tracing.tracer import NO_TRACER, Tracer

_API_SESSION = session_options(statement_timeout="5s")

_REQUEST_WITHIN_S = 6.0
"""For how long a request waits for the database's answers, all together; above the limit of a statement."""

_PROBE_WITHIN_S = 1.0
_LOOK_FOR_TABLES = "SELECT to_regclass('idempotency_key') IS NOT NULL"

_WAIT_WHILE_AWAY_S = 0.25
"""How long a request waits for a connection when the one before it has got none, or no answer.

Threads that wait for a database that is away are missed by everybody else.
"""

_TRUSTED_S = 1.0
"""For how long after its last use a pooled connection is taken to work."""

_PERHAPS_STALE_STATES = (*LOST_STATEMENT_STATES, "0A000", "42P18", "XX000")
_LOST_TO_ANOTHER_STATES = ("40001", "40P01")
"""Another transaction was in the way; this one was rolled back to let it through."""


_LOOK_FOR_THE_MARK_S = 2.0
"""How often a pooled connection looks whether the database was set back meanwhile, or has been mended."""


class _Pooled(BoundedConnection):
    """A connection of the pool that remembers when it was used last, and whether it may write.

    Attributes:
        set_back_because: Why everything that it writes is refused, if it is.
    """

    used_at = 0.0
    looked_at = 0.0
    set_back_because: str | None = None

    def look_for_the_mark(self) -> None:
        """Lets nothing be written, and everything be read, while the database is marked as set back."""
        because = set_back_because(self)
        if because is not None and self.set_back_because is None:
            self.execute("SET default_transaction_read_only = on")
        elif because is None and self.set_back_because is not None:
            self.execute("RESET default_transaction_read_only")
        self.set_back_because = because


def _check_before_use(connection: _Pooled) -> None:
    """Finds out, before a request does, that the server was away while nobody asked it, or the database set back."""
    now = time.monotonic()
    connection.allow(_PROBE_WITHIN_S)
    if now - connection.looked_at > _LOOK_FOR_THE_MARK_S:
        connection.look_for_the_mark()
        connection.looked_at = now
    elif now - connection.used_at > _TRUSTED_S:
        ConnectionPool.check_connection(connection)
    connection.used_at = now


class PostgresStorage:
    """What the API of a service with a PostgreSQL database reads and writes through."""

    def __init__(self, service: str, settings: Settings, tracer: Tracer = NO_TRACER) -> None:
        """Connects, and begins to look after the tables of the API.

        Args:
            service: Whose database it is.
            settings: Where it is.
            tracer: The process's.
        """
        self.service, self._options = service, settings.write_options(tracer)
        self._wait_s, self._answers = settings.database_wait_s, True
        self._notifier = Notifier(settings, service)
        measured = PostgresTables(settings, f"{service}/api", [KEYS])
        self._beside = Beside([housekeeping_of_api(service, settings), measuring(measured)])
        self._pool: ConnectionPool[_Pooled] = ConnectionPool(
            settings.database_url,
            connection_class=_Pooled,
            check=_check_before_use,
            kwargs=dict(parameters(settings, f"{service}/api", _API_SESSION)),
            min_size=1,
            max_size=settings.database_connections,
            max_waiting=256,
            reconnect_timeout=10,
            open=True,
            name=f"{service}-api",
        )

    @contextmanager
    def read(self) -> Iterator[Query]:
        """Lends a connection on which each statement is a transaction of its own."""
        with self._connection() as connection:
            yield Query(connection)

    @contextmanager
    def write(self, cause: Causation) -> Iterator[Transaction]:
        """Runs a transaction and wakes the relay after its commit, if it wrote messages."""
        with (
            self._connection() as connection,
            transaction(connection, self.service, cause, options=self._options) as tx,
        ):
            yield tx
        if tx.wrote_messages:
            self._notifier.notify()

    def tell(self, notice: Notice, to: str) -> None:
        """Tells a service something of which no change of this database is the reason; returns when it is durable."""
        with self.write(causation_of(None, None, None, tracer=self._options.tracer)) as tx:
            tx.tell(notice, to)

    def problem(self) -> ProcessProblem | None:
        """Returns why the database cannot be used now, or None when it answers and has the tables."""
        try:
            with self._pool.connection(timeout=_PROBE_WITHIN_S) as connection:
                connection.allow(_PROBE_WITHIN_S)
                (has_tables,) = connection.execute(_LOOK_FOR_TABLES).fetchone() or (False,)
        except psycopg.Error as error:
            return ProcessProblem(Reason.DATABASE_AWAY, f"the database does not answer: {error}")
        lacking = f"the database has no tables: run `python -m infirmary {self.service} migrate`"
        return None if has_tables else ProcessProblem(Reason.SCHEMA, lacking)

    def pool(self) -> PoolState:
        """Returns how the connections are used."""
        stats = self._pool.get_stats()
        idle = stats.get("pool_available", 0)
        return PoolState(
            in_use=max(stats.get("pool_size", 0) - idle, 0),
            idle=idle,
            waiting=stats.get("requests_waiting", 0),
            waited_s=stats.get("requests_wait_ms", 0) / 1000,
            timeouts=stats.get("requests_errors", 0),
        )

    def is_transient(self, error: BaseException) -> bool:
        """Says whether the same request may succeed in a moment."""
        return is_transient(error)

    def may_repeat(self, error: BaseException) -> bool:
        """Says whether a request that has failed so, and so was rolled back, is worth another try at once.

        Every connection may hold plans that a migration has made stale; so all of them are replaced.
        """
        if not isinstance(error, psycopg.Error):
            return False
        if error.sqlstate in _PERHAPS_STALE_STATES:
            self._pool.drain()
        return error.sqlstate in (*_PERHAPS_STALE_STATES, *_LOST_TO_ANOTHER_STATES)

    def close(self) -> None:
        """Closes all connections."""
        self._notifier.close()
        self._beside.close()
        self._pool.close()

    @contextmanager
    def _connection(self) -> Iterator[_Pooled]:
        wait_s = self._wait_s if self._answers else min(self._wait_s, _WAIT_WHILE_AWAY_S)
        try:
            with self._pool.connection(timeout=wait_s) as connection:
                connection.allow(_REQUEST_WITHIN_S)
                yield connection
            self._answers = True
        except psycopg.errors.ReadOnlySqlTransaction as refused:
            self._pool.drain()  # whoever is the primary now is found by new connections only
            if connection.set_back_because is not None:
                raise DatabaseSetBack(connection.set_back_because) from refused
            raise
        except psycopg.OperationalError as error:
            self._answers = error.sqlstate is not None
            raise
