"""How a session with PostgreSQL begins: its own defaults, time-outs on both sides, and a look at the tables."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from infirmary_relay.sources import postgres_statements as statements
from infirmary_relay.sources.postgres_connection import BoundedConnection
from infirmary_relay.sources.postgres_types import register
from infirmary_relay.sources.source import OutboxUnusableError, SourceLostError

_CONNECT_TIMEOUT_S = 3
_DEFAULTS = {
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "client_min_messages": "warning",
    "default_transaction_deferrable": "off",
    "default_transaction_isolation": r"read\ committed",
    "lock_timeout": "1s",
    "quote_all_identifiers": "off",
    "row_security": "on",
    "search_path": '"$user",public',
    "standard_conforming_strings": "on",
    "statement_timeout": "0",
}
"""What an administrator may have set for the role or the database, and must change nothing here.

`default_transaction_read_only` is not among it: that is how an administrator stops all writing.
"""
_log = logging.getLogger(__name__)
_NEEDED = {
    "outbox": {
        "id",
        "partition",
        "message_id",
        "target",
        "type",
        "subject",
        "sequence",
        "header",
        "body",
        "created_at",
    },
    "outbox_relay": {"relay_id", "backend_pid", "seen_at"},
}


def connect(url: str, application_name: str, ca_file: Path | None) -> BoundedConnection:
    """Opens a session that neither side keeps open for long when the other is frozen or cut off."""
    own = " ".join(f"-c {name}={value}" for name, value in _DEFAULTS.items())
    tls: dict[str, Any] = {} if ca_file is None else {"sslmode": "verify-full", "sslrootcert": str(ca_file)}
    connection = BoundedConnection.connect(
        url,
        autocommit=True,
        options=f"{own} {conninfo_to_dict(url).get('options') or ''}",
        client_encoding="UTF8",
        **tls,
        application_name=application_name,
        connect_timeout=_CONNECT_TIMEOUT_S,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
    )
    connection.execute(statements.SESSION)
    register(connection)
    return connection


def identity_of(connection: psycopg.Connection[tuple[Any, ...]]) -> str | None:
    """What tells this database from every other one; None, with a warning, when that is not to be known."""
    try:
        ((identity,),) = connection.execute(statements.DATABASE_IDENTITY).fetchall()
    except psycopg.errors.InsufficientPrivilege as refused:
        _log.warning("which database this is cannot be known: %s", str(refused).strip())
        return None
    return str(identity)


def noted_logs(connection: psycopg.Connection[tuple[Any, ...]]) -> list[str]:
    """Reads which logs the service has noted that it writes; none where it notes none, or that cannot be read."""
    try:
        return [log for (log,) in connection.execute(statements.LOGS)]
    except psycopg.errors.UndefinedTable:
        return []
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.LockNotAvailable,
        psycopg.errors.UndefinedColumn,
    ) as refused:
        _log.warning("outbox_log cannot be read, so a log is declared when its first message comes: %s", refused)
        return []


def check_outbox(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Looks for the tables and columns of the contract.

    Raises:
        OutboxUnusableError: one is missing.
    """
    found: dict[str, set[str]] = {table: set() for table in _NEEDED}
    for column, table in connection.execute(statements.COLUMNS):
        found[table].add(column)
    for table, needed in _NEEDED.items():
        if not found[table]:
            raise OutboxUnusableError(f"there is no table {table}; `infirmary-relay schema` prints what it should be")
        if missing := needed - found[table]:
            raise OutboxUnusableError(f"table {table} lacks {', '.join(sorted(missing))}")


@contextmanager
def lost_as_source_lost() -> Iterator[None]:
    """Says of whatever ends the session that the source is lost."""
    try:
        yield
    except psycopg.Error as lost:
        raise SourceLostError(f"PostgreSQL: {str(lost).strip()}") from lost
