"""A session on PostgreSQL: no wait for it is without end, and nobody's defaults change what is read and written."""

import time
from typing import Any, Final, TypedDict, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.rows import RowFactory, tuple_row

from infirmary.postgres.arrays import ArrayDumper
from infirmary.postgres.psycopg_internals import WAIT_TIMEOUT
from infirmary.settings import Settings

R = TypeVar("R")

_CONNECT_WITHIN_S = 5
_LOOK_FOR_INTERRUPTS_EVERY_S = 0.1

_MEANING: Final = {
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "standard_conforming_strings": "on",
    "array_nulls": "on",
    "search_path": '"$user",public',
    "default_transaction_isolation": "read committed",
}
"""What the code relies on, as PostgreSQL has it by itself.

A role or a database may have other defaults (ALTER ROLE, ALTER DATABASE); what a session asks for at its start comes
before them. `default_transaction_read_only` is left alone: it is how an administrator, or the provider of a full disk,
stops all writing.
"""

_LIMITS: Final = {
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "3s",
    "statement_timeout": "10s",
    "idle_session_timeout": "0",
    "tcp_user_timeout": "10s",
}


def session_options(**others: str) -> str:
    """Returns the options that a session is started with: what the code relies on, and the limits.

    Args:
        others: Further settings, or other values of the limits.
    """
    chosen = {**_MEANING, **_LIMITS, **others}
    return " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in chosen.items())


SESSION: Final = session_options()

_READER_IDLE: Final = "15s"
READER_SESSION: Final = session_options(idle_session_timeout=_READER_IDLE)
"""A reader holds its logs by locks of its session.

When it is frozen, the server ends the session, and another takes over.
"""


def reader_session_in(schema: str) -> str:
    """Returns the options of a reader whose tables are those of another schema, and of no other."""
    return session_options(idle_session_timeout=_READER_IDLE, search_path=schema)


class NoAnswer(psycopg.OperationalError):
    """The server holds the connection and says nothing; the connection was closed.

    Whether a COMMIT under way was carried out is not known.
    """


class BoundedConnection(psycopg.Connection[Any]):
    """A connection whose every wait for the server has an end, after which it is closed.

    The server's own limits (statement_timeout and the like) are of no use when it is the server that hangs, and TCP
    sees nothing wrong with a process that was stopped: its kernel goes on acknowledging.
    """

    answer_within_s: float = 15.0
    """For a single wait. Above what the server allows a statement, so that its own error comes first."""

    _due_at: float | None = None

    def __init__(self, pgconn: PGconn, row_factory: RowFactory[Any] = tuple_row) -> None:
        """Takes what `connect` has opened."""
        super().__init__(pgconn, row_factory)
        self.adapters.register_dumper(list, ArrayDumper)

    def allow(self, seconds: float) -> None:
        """Lets all that is done from now on, until this is called again, wait for so long together."""
        self._due_at = time.monotonic() + seconds

    def wait(self, gen: PQGen[R], interval: float = _LOOK_FOR_INTERRUPTS_EVERY_S, timeout: float | None = None) -> R:
        """Waits for the server; everything that psycopg does on a connection goes through here.

        Raises:
            NoAnswer: It was silent for too long.
        """
        if timeout is not None:  # somebody who expects that nothing may come: notifies()
            return super().wait(gen, interval, timeout)
        due_at = self._due_at
        left_s = self.answer_within_s if due_at is None else max(0.0, due_at - time.monotonic())
        try:
            return super().wait(gen, interval, left_s)
        except WAIT_TIMEOUT:
            self.close()
            raise NoAnswer("the server holds the connection and does not answer") from None


class ConnectionParameters(TypedDict, total=False):
    """What psycopg is given besides the URL."""

    autocommit: bool
    application_name: str
    options: str
    connect_timeout: int
    prepare_threshold: int
    client_encoding: str
    sslmode: str
    sslrootcert: str


def parameters(settings: Settings, role: str, options: str = SESSION) -> ConnectionParameters:
    """Returns what every connection of the service's processes is opened with.

    Args:
        settings: Which certificates to trust, if the server is to prove its name.
        role: What pg_stat_activity should show, for example `orders/consumer`.
        options: Session settings.
    """
    chosen = ConnectionParameters(
        autocommit=True,
        application_name=role,
        options=options,
        connect_timeout=_CONNECT_WITHIN_S,
        prepare_threshold=2,
        client_encoding="UTF8",
    )
    if settings.database_ca_file is not None:
        chosen["sslmode"] = "verify-full"
        chosen["sslrootcert"] = str(settings.database_ca_file)
    return chosen


def connect(settings: Settings, role: str, options: str = SESSION) -> BoundedConnection:
    """Opens a connection in autocommit mode for a loop of its own.

    Args:
        settings: Where the database is.
        role: What pg_stat_activity should show, for example `orders/consumer`.
        options: Session settings.

    Raises:
        psycopg.OperationalError: Nobody answers, or the server does not prove its name.
    """
    return BoundedConnection.connect(settings.database_url, **parameters(settings, role, options))
