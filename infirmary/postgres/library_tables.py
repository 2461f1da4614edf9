"""The library's own tables as SQLAlchemy knows them, as the migrations of the library make them.

Statements of the library are SQL and do not need them. They are for what is built with SQLAlchemy beside them: a
service that reads sagas, a Session that publishes, and whatever has to tell the library's tables from a service's.
"""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

metadata: Final = sa.MetaData()


def _id(**options: Any) -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=True, **options), primary_key=True)


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **options)


def _moment(name: str) -> sa.Column[Any]:
    """Returns a column with the time at which its row is written."""
    return sa.Column(name, _TIME, nullable=False, server_default=sa.func.clock_timestamp())


def _stored(table: sa.Table, **parameters: int) -> None:
    """Gives a table its storage parameters when it is made; SQLAlchemy 2.0 has no `postgresql_with` for tables."""
    settings = ", ".join(f"{name} = {value}" for name, value in parameters.items())
    make = sa.DDL(f"ALTER TABLE {table.name} SET ({settings})")  # type: ignore[no-untyped-call]
    sa.event.listen(table, "after_create", make)


_TIME: Final = sa.TIMESTAMP(timezone=True)

outbox = sa.Table(
    "outbox",
    metadata,
    _id(cache=1),
    sa.Column("partition", sa.SmallInteger, nullable=False),
    sa.Column("message_id", sa.Uuid(), nullable=False),
    _text("target"),
    _text("type"),
    _text("subject"),
    sa.Column("sequence", sa.BigInteger),
    sa.Column("header", sa.LargeBinary),
    sa.Column("body", sa.LargeBinary, nullable=False),
    _moment("created_at"),
    sa.CheckConstraint("partition BETWEEN 0 AND 63"),
)
_stored(outbox, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=5000)

outbox_relay = sa.Table(
    "outbox_relay",
    metadata,
    sa.Column("relay_id", sa.Uuid(), primary_key=True),
    sa.Column("backend_pid", sa.Integer, nullable=False),
    _moment("seen_at"),
    prefixes=["UNLOGGED"],
)

outbox_sequence = sa.Table(
    "outbox_sequence",
    metadata,
    _text("subject", primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
)
_stored(outbox_sequence, fillfactor=80)

outbox_log = sa.Table("outbox_log", metadata, _text("log", primary_key=True))

log_reader = sa.Table(
    "log_reader",
    metadata,
    _text("log", primary_key=True),
    sa.Column("first_offset", sa.BigInteger),
    sa.Column("last_offset", sa.BigInteger),
    sa.Column("last_message_id", sa.Uuid()),
    sa.Column("complete_since", _TIME),
)

log_sequence = sa.Table(
    "log_sequence",
    metadata,
    _text("source", primary_key=True),
    _text("subject", primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
)
_stored(log_sequence, fillfactor=80)

parked_message = sa.Table(
    "parked_message",
    metadata,
    _id(),
    _text("channel"),
    sa.Column("source", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("sequence", sa.BigInteger),
    sa.Column("message_id", sa.Uuid()),
    sa.Column("type", sa.Text),
    sa.Column("properties", postgresql.JSONB, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("unreadable", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
    _moment("retry_at"),
    _moment("parked_at"),
    sa.UniqueConstraint("channel", "message_id"),
    sa.Index("parked_message_subject", "channel", "subject", "id"),
    sa.Index("parked_message_due", "channel", "retry_at"),
    sa.Index("parked_message_failed_least", "channel", "attempts", "retry_at"),
)

saga = sa.Table(
    "saga",
    metadata,
    sa.Column("saga_id", sa.Uuid(), primary_key=True),
    _text("name"),
    _text("status"),
    sa.Column("state", postgresql.JSONB, nullable=False),
    sa.Column("data", postgresql.JSONB, nullable=False),
    _text("correlation_id"),
    _text("traceparent"),
    _moment("started_at"),
    sa.Column("due_at", _TIME),
    sa.Index("saga_due", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),
    sa.Index("saga_parked", "saga_id", postgresql_where=sa.text("status = 'parked'")),
)

saga_history = sa.Table(
    "saga_history",
    metadata,
    _id(),
    sa.Column("saga_id", sa.Uuid(), sa.ForeignKey("saga.saga_id"), nullable=False),
    _moment("at"),
    _text("happened"),
    _text("status"),
    _text("sent"),
    sa.Index("saga_history_saga", "saga_id", "id"),
)

saga_outcome = sa.Table(
    "saga_outcome",
    metadata,
    sa.Column("saga_id", sa.Uuid(), primary_key=True),
    _text("step", primary_key=True),
    _text("outcome"),
    sa.Column("reason", sa.Text),
    _moment("recorded_at"),
)

idempotency_key = sa.Table(
    "idempotency_key",
    metadata,
    _text("scope", primary_key=True),
    _text("key", primary_key=True),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.Integer),
    sa.Column("location", sa.Text),
    sa.Column("body", sa.LargeBinary),
    _moment("created_at"),
    sa.Index("idempotency_key_created_at", "created_at"),
)

LIBRARY_VERSION_TABLE: Final = "infirmary_version"
"""The table with the revision of the library's own tables; a service's is alembic's usual one."""

LIBRARY_TABLES: Final = frozenset({*metadata.tables, LIBRARY_VERSION_TABLE})
"""The names of all that the library's migrations make in a database."""
