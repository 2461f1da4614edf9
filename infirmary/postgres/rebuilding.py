"""A read model that is filled beside the one in use, in a schema of its own, and put in its place in one transaction.

The schema has all that a new database of the service would have. So whoever fills it reads and writes as the consumer
does, and what it would tell others stays in an outbox that no relay reads.
"""

import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql

from infirmary.postgres.library_tables import (
    LIBRARY_VERSION_TABLE,
    ended_subject,
    log_reader,
    log_sequence,
    parked_message,
)
from infirmary.postgres.migrate import migrate
from infirmary.postgres.read_model import CannotRebuild, ReadModel, is_reached
from infirmary.postgres.session import connect, session_options
from infirmary.postgres.transaction import transaction
from infirmary.settings import Settings
from infirmary.tracing.causation import causation_of
from infirmary.transport.log_names import parsed, scope_of

SCHEMA: Final = "rebuild"
IN_USE: Final = "public"

_SESSION: Final = session_options(
    statement_timeout="0",
    lock_timeout="2s",
    idle_in_transaction_session_timeout="60s",
    default_transaction_read_only="off",
)
_ANSWER_WITHIN_S: Final = 3600.0
_REACH_WITHIN_S: Final = 2.0
"""For how long the consumer is kept waiting while the last messages are applied beside it, too."""

_ONLY_ONE: Final = "SELECT pg_try_advisory_lock(hashtextextended('infirmary:rebuild', 0))"
_IS_BEGUN: Final = "SELECT to_regnamespace(%s) IS NOT NULL"
_VERSIONS: Final = (LIBRARY_VERSION_TABLE, "alembic_version")

_PLACES: Final = (log_reader, log_sequence, ended_subject, parked_message)
"""What a reader knows of its logs: it belongs to what it has made of them, and takes its place with it."""

_END_SESSIONS: Final[LiteralString] = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = %(consumer)s AND pid <> pg_backend_pid()
"""
"""They would go on from what they remember of the tables before. New ones begin where the new tables are."""


class NotYet(Exception):
    """The tables could not be exchanged at this moment, and can be soon."""


class PostgresRebuild:
    """One rebuild, on a session of its own, beside whoever reads and writes the tables in use."""

    def __init__(self, model: ReadModel, settings: Settings, logs: Collection[str]) -> None:
        """Connects.

        Args:
            model: What is rebuilt.
            settings: Where the database is.
            logs: What it is made from.

        Raises:
            CannotRebuild: Another one is at work.
        """
        self._model, self._settings, self._logs = model, settings, frozenset(logs)
        self._connection = connect(settings, f"{model.service}/rebuild", _SESSION)
        self._connection.answer_within_s = _ANSWER_WITHIN_S
        if not self._value(_ONLY_ONE):
            self.close()
            raise CannotRebuild("another rebuild of this database is at work")

    def begin(self) -> bool:
        """Makes the new tables, or brings those that are there to the code's schema. Returns whether there were any.

        Raises:
            CannotRebuild: The role may not, or the database is not at this release.
        """
        begun = bool(self._value(_IS_BEGUN, SCHEMA))
        if not begun:
            try:
                self._connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
            except psycopg.errors.InsufficientPrivilege as refused:
                name = self._value("SELECT format('%%I TO %%I', current_database(), current_user)")
                raise CannotRebuild(f"an administrator has to GRANT CREATE ON DATABASE {name}: {refused}") from refused
        migrate(self._model.service, self._settings, schema=SCHEMA)
        self._require_same_release()
        return begun

    def cancel(self) -> bool:
        """Drops what was filled so far. Returns whether there was anything."""
        begun = bool(self._value(_IS_BEGUN, SCHEMA))
        self._connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(SCHEMA)))
        return begun

    def swap(self, turn: Callable[[], None], *, although_less: bool) -> None:
        """Puts the new tables in the place of the old ones. Until its commit everybody sees the old ones.

        Nobody writes to the old tables meanwhile; they can be read until the last moment.

        Args:
            turn: Applies what has come for the new tables.
            although_less: Whether it is done even if there is less in the new tables than in the old ones.

        Raises:
            NotYet: A lock was not to be had, or the logs were ahead for too long.
            CannotRebuild: There is less in the new tables, or a migration came by.
        """
        cause = causation_of(None, None, None)
        try:
            with transaction(self._connection, self._model.service, cause, pipelined=False) as tx:
                tables = [*(each.name for each in _PLACES), *self._model.tables, *_VERSIONS]
                self._run("LOCK TABLE {} IN EXCLUSIVE MODE", tables, IN_USE)
                self._require_same_release()
                read = self._reach(turn)
                if not although_less:
                    self._require_as_much(read)
                tx.connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(SCHEMA)))
                self._take_over_other_logs(read)
                self._model.keep(tx)
                self._exchange()
                tx.execute(_END_SESSIONS, consumer=f"{self._model.service}/consumer")
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            raise NotYet(str(error)) from error

    def close(self) -> None:
        """Ends the session; another rebuild may begin, or go on with this one."""
        self._connection.close()

    def _reach(self, turn: Callable[[], None]) -> list[str]:
        """Applies what the consumer has applied, which stands still. Returns the logs and parts that both read."""
        goal = self._offsets(IN_USE)
        until = time.monotonic() + _REACH_WITHIN_S
        while not is_reached(goal, there := self._offsets(SCHEMA)):
            if time.monotonic() > until:
                raise NotYet("the consumer is ahead")
            turn()
        return sorted({*goal, *there})

    def _offsets(self, schema: str) -> dict[str, int | None]:
        offsets = self._connection.execute(_of("SELECT log, last_offset FROM {}", schema, log_reader.name)).fetchall()
        return {log: offset for log, offset in offsets if parsed(log).log in self._logs}

    def _require_same_release(self) -> None:
        for table in _VERSIONS:
            old, new = (
                self._value(_of("SELECT max(version_num) FROM {}", schema, table)) for schema in (IN_USE, SCHEMA)
            )
            if old != new:
                raise CannotRebuild(
                    f"{table} is {old}, and {new} where the tables are filled anew: start again, with the image of the"
                    " release that the database is at"
                )

    def _require_as_much(self, read: Collection[str]) -> None:
        """Sees that nothing goes that the logs do not tell any more: events only add to a read model."""
        less = []
        for table in self._model.tables:
            old, new = (self._value(_of("SELECT count(*) FROM {}", schema, table)) for schema in (IN_USE, SCHEMA))
            less += [f"{table} has {new} rows instead of {old}"] if new < old else []
        count = "SELECT count(*) FROM {} WHERE channel = ANY(%s)"
        old, new = (self._value(_of(count, schema, parked_message.name), list(read)) for schema in (IN_USE, SCHEMA))
        less += [f"{new} messages are held instead of {old}"] if new > old else []
        if less:
            raise CannotRebuild(f"the new tables lack something: {'; '.join(less)}")

    def _take_over_other_logs(self, read: Iterable[str]) -> None:
        """Takes over how far commands were read, which were answered from the tables in use."""
        logs = list(read)
        scopes = sorted({scope_of(log) for log in logs})
        # What the new tables would have told others has never left: its ends are those of the tables in use.
        self._connection.execute("DELETE FROM ended_subject WHERE source <> ALL(%s)", (scopes,))
        of = {
            log_reader: ("log", logs),
            log_sequence: ("source", scopes),
            ended_subject: ("source", scopes),
            parked_message: ("channel", logs),
        }
        for table, (column, passed_over) in of.items():
            columns = sql.SQL(", ").join(sql.Identifier(each.name) for each in table.columns if each.identity is None)
            take = sql.SQL("INSERT INTO {} ({columns}) SELECT {columns} FROM {} WHERE {} <> ALL(%s)").format(
                sql.Identifier(SCHEMA, table.name),
                sql.Identifier(IN_USE, table.name),
                sql.Identifier(column),
                columns=columns,
            )
            self._connection.execute(take, (passed_over,))

    def _exchange(self) -> None:
        tables = [*(each.name for each in _PLACES), *self._model.tables]
        self._connection.execute("SET LOCAL lock_timeout TO '500ms'")  # whoever reads waits behind this
        self._run("DROP TABLE {}", tables, IN_USE)
        for table in tables:
            move = sql.SQL("ALTER TABLE {} SET SCHEMA {}")
            self._connection.execute(move.format(sql.Identifier(SCHEMA, table), sql.Identifier(IN_USE)))
        self._connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(SCHEMA)))

    def _run(self, statement: LiteralString, tables: Iterable[str], schema: str) -> None:
        listed = sql.SQL(", ").join(sql.Identifier(schema, table) for table in tables)
        self._connection.execute(sql.SQL(statement).format(listed))

    def _value(self, statement: LiteralString | sql.Composed, *values: object) -> Any:
        (value,) = self._connection.execute(statement, values).fetchone() or (None,)
        return value


def _of(statement: LiteralString, schema: str, table: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(schema, table))
