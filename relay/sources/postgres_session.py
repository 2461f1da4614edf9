"""How a session with PostgreSQL begins: its timeouts on both sides, and a look at the tables."""

import psycopg

from relay.sources import postgres_statements as statements
from relay.sources.postgres_ownership import PostgresConnection
from relay.sources.postgres_types import register
from relay.sources.source import OutboxUnusableError

LOOK = b"look"
_BIGINT = 20
_CONNECT_TIMEOUT_S = 3
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


def connect(url: str, application_name: str) -> PostgresConnection:
    """Opens a session that neither side keeps open for long when the other is frozen or cut off."""
    connection: PostgresConnection = psycopg.connect(
        url,
        autocommit=True,
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


def prepare_look(connection: PostgresConnection) -> None:
    """Prepares, below psycopg's cursors, the one statement that an idle relay runs ten times a second."""
    connection.pgconn.prepare(LOOK, statements.ANY_ABOVE.encode(), [_BIGINT])


def check_outbox(connection: PostgresConnection) -> None:
    """Looks for the tables and columns of the contract.

    Raises:
        OutboxUnusableError: one is missing.
    """
    found: dict[str, set[str]] = {table: set() for table in _NEEDED}
    for column, table in connection.execute(statements.COLUMNS):
        found[table.split(".")[-1]].add(column)
    for table, needed in _NEEDED.items():
        if not found[table]:
            raise OutboxUnusableError(f"there is no table {table}; `python -m relay schema` prints what it should be")
        if missing := needed - found[table]:
            raise OutboxUnusableError(f"table {table} lacks {', '.join(sorted(missing))}")
