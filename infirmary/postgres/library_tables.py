"""The library's own tables as SQLAlchemy knows them, as the migrations of the library make them.

Statements of the library are SQL and do not need them. They are for what is built with SQLAlchemy beside them: a
service that reads sagas, a Session that publishes, and whatever has to tell the library's tables from a service's.
"""

import re
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

incarnation = sa.Table(
    "incarnation",
    metadata,
    sa.Column("one", sa.Boolean, primary_key=True, server_default=sa.true()),
    sa.Column("id", sa.Uuid(), nullable=False, server_default=sa.text("gen_random_uuid()")),
    sa.Column("set_back_since", _TIME),
    sa.Column("set_back_because", sa.Text),
    sa.Column("restored_at", _TIME),
    sa.CheckConstraint("one"),
)

log_reader = sa.Table(
    "log_reader",
    metadata,
    _text("log", primary_key=True),
    sa.Column("first_offset", sa.BigInteger),
    sa.Column("last_offset", sa.BigInteger),
    sa.Column("last_message_id", sa.Uuid()),
    sa.Column("complete_since", _TIME),
    sa.Column("lost_messages", sa.BigInteger),
    sa.Column("lost_before", _TIME),
    sa.Column("forgotten_before", _TIME),
)

log_sequence = sa.Table(
    "log_sequence",
    metadata,
    _text("source", primary_key=True),
    _text("subject", primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
    sa.Column("identified", sa.BigInteger),
    sa.Column("last_message_id", sa.Uuid()),
    sa.Column("applied_at", _TIME),
)
_stored(log_sequence, fillfactor=80)

ended_subject = sa.Table(
    "ended_subject",
    metadata,
    _text("source", primary_key=True),
    _text("subject", primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),
    _moment("ended_at"),
    sa.Index("ended_subject_ended_at", "source", "ended_at"),
)

republish = sa.Table(
    "republish",
    metadata,
    _text("kind", primary_key=True),
    _moment("began_at"),
    sa.Column("told_to", sa.Text),
    sa.Column("aggregates", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("messages", sa.BigInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("done", sa.Boolean, nullable=False, server_default=sa.false()),
)

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
    sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
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

saga_archive = sa.Table(
    "saga_archive",
    metadata,
    sa.Column("saga_id", sa.Uuid(), primary_key=True),
    _text("name"),
    _text("status"),
    sa.Column("state", postgresql.JSONB, nullable=False),
    sa.Column("data", postgresql.JSONB, nullable=False),
    _text("correlation_id"),
    _text("traceparent"),
    sa.Column("started_at", _TIME, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("history", postgresql.JSONB, nullable=False),
    postgresql_partition_by="RANGE (saga_id)",
)

saga_outcome_archive = sa.Table(
    "saga_outcome_archive",
    metadata,
    sa.Column("saga_id", sa.Uuid(), primary_key=True),
    _text("step", primary_key=True),
    _text("outcome"),
    sa.Column("reason", sa.Text),
    sa.Column("recorded_at", _TIME, nullable=False),
    postgresql_partition_by="RANGE (saga_id)",
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
    sa.Column("about", sa.Uuid()),
    sa.Index("idempotency_key_created_at", "created_at"),
    sa.Index("idempotency_key_about", "about", postgresql_where=sa.text("about IS NOT NULL")),
)

restore_progress = sa.Table(
    "restore_progress",
    metadata,
    _text("log", primary_key=True),
    sa.Column("next_offset", sa.BigInteger, nullable=False),
    sa.Column("found", postgresql.JSONB, nullable=False),
)

answered = sa.Table(
    "answered",
    metadata,
    sa.Column("message_id", sa.Uuid(), primary_key=True),
    _moment("noted_at"),
)

LIBRARY_VERSION_TABLE: Final = "infirmary_version"
"""The table with the revision of the library's own tables; a service's is alembic's usual one."""

LIBRARY_TABLES: Final = frozenset({*metadata.tables, LIBRARY_VERSION_TABLE})
"""The names of all that the library's migrations make in a database."""

_PARTITION: Final = re.compile(rf"({saga_archive.name}|{saga_outcome_archive.name})_\d{{4}}_\d\d_\d\d")


def is_of_library(name: str | None) -> bool:
    """Says whether a table is the library's: one that its migrations make, or a week of an archive."""
    return name is not None and (name in LIBRARY_TABLES or _PARTITION.fullmatch(name) is not None)
