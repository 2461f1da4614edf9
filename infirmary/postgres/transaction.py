"""A local transaction: SQL and the messages that tell about it, committed together or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.rows import RowFactory, class_row, tuple_row

from infirmary.messages import Command
from infirmary.postgres import outbox
from infirmary.postgres.psycopg_internals import Answer, GatheringPipeline, Values, gathering_pipeline
from infirmary.tracing.causation import Causation
from infirmary.tracing.spans import undo_to
from infirmary.transport.message_writer import MessageWriter
from infirmary.transport.write_options import DEFAULTS, WriteOptions

T = TypeVar("T")


class Query:
    """Reads from the service's own database."""

    def __init__(self, connection: psycopg.Connection[Any], pipeline: GatheringPipeline | None = None) -> None:
        self.connection, self._pipeline = connection, pipeline

    def one(self, kind: type[T], sql: LiteralString, /, **values: object) -> T | None:
        """Returns the only row as a `kind` (columns are its fields), or None when there is no row."""
        return self._ask(class_row(kind), sql, values).fetchone()

    def many(self, kind: type[T], sql: LiteralString, /, **values: object) -> list[T]:
        """Returns all rows, each as a `kind`."""
        return self._ask(class_row(kind), sql, values).fetchall()

    def value(self, sql: LiteralString, /, **values: object) -> Any:
        """Returns the first column of the only row, or None when there is no row."""
        row = self._ask(tuple_row, sql, values).fetchone()
        return None if row is None else row[0]

    def execute(self, sql: LiteralString, /, **values: object) -> None:
        """Runs a statement whose result nobody needs."""
        self.connection.execute(sql, values)

    def _ask(self, row_factory: RowFactory[T], sql: LiteralString, values: Values) -> psycopg.Cursor[T] | Answer[T]:
        answer = None if self._pipeline is None else self._pipeline.ask(row_factory, sql, values)
        return answer or self.connection.cursor(row_factory=row_factory).execute(sql, values)


class Transaction(Query, MessageWriter):
    """Changes the service's own database and remembers what to tell the others.

    Attributes:
        after_commit: What is told to others, logs and metrics, once all this is certain.
        wrote_messages: Whether anything has gone into the outbox, so that the relay is to be woken.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        service: str,
        cause: Causation,
        options: WriteOptions = DEFAULTS,
        pipeline: GatheringPipeline | None = None,
    ) -> None:
        Query.__init__(self, connection, pipeline)
        MessageWriter.__init__(self, service, cause, options)
        self.after_commit: list[Callable[[], None]] = []
        self.wrote_messages = False
        # One cursor for all statements whose results nobody needs: to make one takes as long as a short statement.
        self._cursor: psycopg.Cursor[Any] | None = None

    def execute(self, sql: LiteralString, /, **values: object) -> None:
        """Runs a statement whose result nobody needs; in a pipeline it costs no round trip of its own."""
        self._run(sql, values)

    def send(self, command: Command) -> None:
        """Asks a participant to do its part of a saga. Written at the commit."""
        self._write(command)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undoes what happened inside, messages included, when it raises.

        What is published inside is written at its end: a message that the outbox does not take is its publisher's
        fault, and must not spoil the transaction for others.
        """
        self.write_messages()
        told = len(self.after_commit)
        mark = len(self.spans)
        try:
            with self.connection.transaction():
                yield
                self.write_messages()
        except BaseException:
            del self.after_commit[told:]
            undo_to(self.spans, mark)
            raise
        finally:
            self.messages.clear()

    def write_messages(self) -> None:
        """Writes what was published and is not written yet."""
        outbox.write(self._run, self.messages)
        self.wrote_messages = self.wrote_messages or bool(self.messages)
        self.messages.clear()

    def _run(self, sql: LiteralString, values: Values) -> None:
        if self._pipeline is not None and self._pipeline.run(sql, values):
            return
        if self._cursor is None:
            self._cursor = self.connection.cursor()
        self._cursor.execute(sql, values)


@contextmanager
def transaction(
    connection: psycopg.Connection[Any],
    service: str,
    cause: Causation,
    pipelined: bool = True,
    options: WriteOptions = DEFAULTS,
) -> Iterator[Transaction]:
    """Runs a transaction on a connection that is not in one.

    Statements go through a pipeline: what needs no answer is sent together with the outbox rows and the COMMIT in
    one round trip. BEGIN and COMMIT are statements like the others: psycopg's own make it wait for the server three
    times more.

    Args:
        connection: In autocommit mode.
        service: Whose outbox it is.
        cause: What led to the transaction.
        pipelined: False where savepoints are used: an error must come from the statement that caused it.
        options: What the process has chosen for all its transactions.
    """
    try:
        with gathering_pipeline(connection) if pipelined else nullcontext() as pipeline:
            tx = Transaction(connection, service, cause, options, pipeline)
            tx.execute("BEGIN")
            yield tx
            tx.write_messages()
            tx.execute("COMMIT")
    except BaseException:
        _undo(connection)
        raise
    for tell in tx.after_commit:
        tell()
    if tx.spans:
        options.tracer.tell(tx.spans)


def _undo(connection: psycopg.Connection[Any]) -> None:
    """Rolls back, and closes a connection on which even that fails.

    A session that was ended with a pipeline under way leaves its connection neither closed nor of any use: whoever
    touches it next would get an error that looks like one of the program, and not like the lost session that it is.
    """
    if connection.closed:
        return
    try:
        connection.rollback()
    except psycopg.Error:
        connection.close()
