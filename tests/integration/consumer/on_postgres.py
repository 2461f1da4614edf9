"""The counting service on PostgreSQL."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql

from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.ends import Beginnings
from infirmary.consumer.store import Store
from infirmary.housekeeping import Chore
from infirmary.postgres.ended_subjects import EndedSubjects
from infirmary.postgres.notify import Notifier
from infirmary.postgres.parked import PostgresParked
from infirmary.postgres.store import PostgresStore
from infirmary.postgres.transaction import Query, Transaction
from infirmary.settings import Settings
from tests.integration.consumer.counting import NOW, Counting, Row, contents
from tests.integration.consumer.messages import SERVICE, Faults, handlers_of

_TABLE = "CREATE TABLE IF NOT EXISTS told (id bigserial PRIMARY KEY, counter text, number int)"

_READERS = """
SELECT pid, count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY pid ORDER BY 2
"""


def _change(tx: Transaction, counter: str, number: int) -> None:
    tx.execute("INSERT INTO told (counter, number) VALUES (%(c)s, %(n)s)", c=counter, n=number)


class PostgresCounting(Counting):
    """Rows of `told` in the tables of patient."""

    cli_service = "patient"

    def __init__(self, settings: Settings, faults: Faults) -> None:
        self.database = psycopg.connect(settings.as_owner().database_url, autocommit=True)
        self.database.execute(_TABLE)
        self._notifier = Notifier(settings, SERVICE)
        self._stores: list[Store] = []
        super().__init__(settings, faults)

    def make_dispatcher(self) -> Dispatcher:
        return Dispatcher(handlers_of(self.faults, _change), (), self.settings.message_max_bytes)

    def open_store(self) -> PostgresStore:
        store = PostgresStore(SERVICE, self.settings, self.dispatcher, self._notifier, tracer=self.spans.tracer())
        self._stores.append(store)
        return store

    def rows(self, statement: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """Looks into the database."""
        return self.database.execute(statement, values).fetchall()

    def parked(self) -> PostgresParked:
        return PostgresParked(Query(self.database))

    def outbox(self) -> list[Row]:
        found = self.rows("SELECT target, type, subject, sequence, body FROM outbox ORDER BY id")
        return [Row(target, kind, subject, sequence, contents(body)) for target, kind, subject, sequence, body in found]

    def numbers(self, counter: object) -> list[int]:
        return [
            number for (number,) in self.rows("SELECT number FROM told WHERE counter = %s ORDER BY id", str(counter))
        ]

    def make_due(self, after: timedelta = NOW) -> None:
        self.database.execute("UPDATE parked_message SET retry_at = now() + %s WHERE retry_at < 'infinity'", (after,))

    def note_failures(self, attempts: int) -> None:
        self.database.execute("UPDATE parked_message SET attempts = %s", (attempts,))

    def set_first_offset(self, log: str, offset: int) -> None:
        self.database.execute("UPDATE log_reader SET first_offset = %s WHERE log = %s", (offset, log))

    def sequences(self) -> dict[tuple[str, str], int]:
        return {
            (scope, subject): last
            for scope, subject, last in self.rows("SELECT source, subject, last FROM log_sequence")
        }

    def ended_subjects(self, beginnings: Beginnings, clock: Callable[[], float]) -> Chore:
        return EndedSubjects(self.database, SERVICE, self.settings.saga_sequence_days, beginnings, clock)

    def shares(self) -> list[int]:
        return [count for _, count in self.rows(_READERS)]

    def mark_set_back(self, because: str | None) -> None:
        self.database.execute(
            "UPDATE incarnation SET set_back_because = %s, set_back_since = CASE WHEN %s THEN now() END",
            (because, because is not None),
        )

    def passing_error(self) -> Exception:
        return psycopg.errors.SerializationFailure("somebody was faster")

    def refuse(self, counter: str) -> None:
        self._require(sql.SQL("position({} IN subject) = 0").format(counter))

    def refuse_answers(self) -> None:
        self._require(sql.SQL("type <> 'Reply'"))

    def _require(self, condition: sql.Composable) -> None:
        statement = sql.SQL("ALTER TABLE outbox ADD CONSTRAINT picky CHECK ({}) NOT VALID")
        self.database.execute(statement.format(condition))

    def accept(self) -> None:
        self.database.execute("ALTER TABLE outbox DROP CONSTRAINT picky")

    def end_reader(self, store: Store) -> None:
        pid = cast("PostgresStore", store).positions._connection.info.backend_pid
        self.rows("SELECT pg_terminate_backend(%s, 5000)", pid)

    def end_readers(self) -> None:
        for pid, _ in self.rows(_READERS):
            self.rows("SELECT pg_terminate_backend(%s, 5000)", pid)

    def forget_everything(self) -> None:
        of_reader = sql.SQL("parked_message, log_reader, log_sequence, ended_subject")
        self.database.execute(sql.SQL("TRUNCATE told, outbox, saga_outcome, {}").format(of_reader))

    def close(self) -> None:
        for store in self._stores:
            store.close()
        self._notifier.close()
        self.database.close()
