"""Connections to the service's own PostgreSQL database, and which of its errors pass by themselves."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from services.chassis.cause import Cause
from services.chassis.nudge import Nudger
from services.chassis.settings import Settings
from services.chassis.transaction import Query, Transaction, transaction

SESSION = (
    "-c idle_in_transaction_session_timeout=5s -c lock_timeout=3s -c statement_timeout=10s"
    " -c idle_session_timeout=0 -c tcp_user_timeout=10s"
)
READER_SESSION = SESSION.replace("idle_session_timeout=0", "idle_session_timeout=15s")
"""A reader holds its logs by locks of its session.

When it is frozen, the server ends the session, and another takes over.
"""

_TRUSTED_S = 1.0
"""For how long after its last use a pooled connection is taken to work."""

_TRANSIENT_CLASSES = ("08", "40", "53", "55", "57")


def is_transient(error: BaseException) -> bool:
    """Says whether the same work may succeed later without any change.

    Lost connections, deadlocks, serialization failures, lock and statement timeouts, a full disk, a server that shuts
    down: SQLSTATE classes 08, 40, 53, 55 and 57, and errors that have no SQLSTATE because nobody answered.
    """
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
    return error.sqlstate[:2] in _TRANSIENT_CLASSES or error.sqlstate == "25P03"


def connect(settings: Settings, role: str, options: str = SESSION) -> psycopg.Connection[Any]:
    """Opens a connection in autocommit mode for a loop of its own.

    Args:
        settings: Where the database is.
        role: What pg_stat_activity should show, for example `patient/consumer`.
        options: Session settings.
    """
    return psycopg.connect(
        settings.database_url,
        autocommit=True,
        application_name=role,
        options=options,
        connect_timeout=5,
        prepare_threshold=2,
    )


class _Pooled(psycopg.Connection[Any]):
    """A connection of the pool that remembers when it was used last."""

    used_at = 0.0


def _check_if_idle(connection: _Pooled) -> None:
    """Finds out, before a request does, that the server was away while nobody asked it."""
    now = time.monotonic()
    if now - connection.used_at > _TRUSTED_S:
        ConnectionPool.check_connection(connection)
    connection.used_at = now


class PostgresStorage:
    """What the API of a service with a PostgreSQL database reads and writes through."""

    def __init__(self, service: str, settings: Settings) -> None:
        self.service, self._log_parts = service, settings.log_parts
        self._nudger = Nudger(settings, service)
        self._pool: ConnectionPool[_Pooled] = ConnectionPool(
            settings.database_url,
            connection_class=_Pooled,
            check=_check_if_idle,
            kwargs={
                "application_name": f"{service}/api",
                "options": SESSION,
                "autocommit": True,
                "connect_timeout": 5,
                "prepare_threshold": 2,
            },
            min_size=1,
            max_size=settings.database_connections,
            timeout=settings.database_wait_s,
            max_waiting=256,
            reconnect_timeout=10,
            open=True,
            name=f"{service}-api",
        )

    @contextmanager
    def read(self) -> Iterator[Query]:
        """Lends a connection on which each statement is a transaction of its own."""
        with self._pool.connection() as connection:
            yield Query(connection)

    @contextmanager
    def write(self, cause: Cause) -> Iterator[Transaction]:
        """Runs a transaction and wakes the relay after its commit, if it wrote messages."""
        with (
            self._pool.connection() as connection,
            transaction(connection, self.service, cause, log_parts=self._log_parts) as tx,
        ):
            yield tx
        if tx.wrote_messages:
            self._nudger.nudge()

    def ready(self) -> str | None:
        """Returns why the database cannot be used now, or None when it answers."""
        try:
            with self._pool.connection(timeout=1) as connection:
                connection.execute("SELECT 1")
        except (psycopg.Error, PoolTimeout) as error:
            return f"the database does not answer: {error}"
        return None

    def is_transient(self, error: BaseException) -> bool:
        """Says whether the same request may succeed in a moment."""
        return is_transient(error)

    def close(self) -> None:
        """Closes all connections."""
        self._nudger.close()
        self._pool.close()
