"""What the library needs of psycopg beyond its interface.

A test checks that pyproject.toml bounds the versions.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar, cast

from psycopg import Connection, Pipeline
from psycopg._queries import _query2pg
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import PipelineAborted, _WaitTimeout, error_from_result
from psycopg.generators import send
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import RowFactory

T = TypeVar("T")
Values = Mapping[str, object] | Sequence[object]

WAIT_TIMEOUT: Final = _WaitTimeout
"""What `Connection.wait` raises when the server has been silent for the time that it was given."""

_SENT_TOGETHER: Final = 16
"""The server works on so many statements while the next ones are made."""


class Answer(Generic[T]):
    """The answer to a statement of a pipeline; to psycopg it is a cursor that takes rows and names their columns."""

    def __init__(self, pipeline: "GatheringPipeline", row_factory: RowFactory[T]) -> None:
        self._pipeline, self._row_factory = pipeline, row_factory
        self._encoding = pipeline.pgconn._encoding
        self.pgresult: PGresult | None = None

    def fetchall(self) -> list[T]:
        """Returns all rows; waits until they have come.

        Raises:
            psycopg.Error: The statement has failed, or one before it.
        """
        if self.pgresult is None:
            self._pipeline.fetch()
        if self.pgresult is None:
            raise PipelineAborted("a statement before this one has failed, and nothing came of this one")
        return self._pipeline.rows(self.pgresult, self._row_factory(cast("Any", self)))

    def fetchone(self) -> T | None:
        """Returns the first row, None where there is none. Waits and raises as `fetchall` does."""
        return next(iter(self.fetchall()), None)

    def _check_results(self, results: Sequence[PGresult]) -> None:
        if results[0].status == ExecStatus.FATAL_ERROR:
            raise error_from_result(results[0], encoding=self._encoding)
        if results[0].status == ExecStatus.PIPELINE_ABORTED:
            raise PipelineAborted("pipeline aborted")

    def _set_results(self, results: Sequence[PGresult]) -> None:
        self.pgresult = results[0]


class GatheringPipeline(Pipeline):
    """A pipeline that sends nothing before an answer is asked for, or there is enough to send.

    psycopg's own sends each statement by itself: for each the client asks the system twice whether it may send, and the
    server wakes up.
    """

    def __init__(self, connection: Connection[Any]) -> None:
        super().__init__(connection)
        self._transformer = Transformer(connection)
        self._prepared = connection._prepared._names
        self._unsent = 0

    def run(self, sql: str, values: Values, answer: Answer[Any] | None = None) -> bool:
        """Runs a statement, if psycopg has prepared it on this connection.

        This is what a cursor does when the statement is the same as before. It takes a third of the cursor's time.

        Args:
            sql: The statement.
            values: Those of its parameters.
            answer: Takes what comes of it, if anybody wants that.

        Returns:
            Whether it was prepared. If not, a cursor is to run it, and will prepare it before long.
        """
        query, formats, order = _parsed(sql, self.pgconn._encoding)
        try:
            given = cast("Sequence[object]", values) if order is None else [cast("Any", values)[name] for name in order]
        except KeyError:
            return False
        if len(given) != len(formats):
            return False
        parameters = self._transformer.dump_sequence(given, formats)
        name = self._prepared.get(key := (query, self._transformer.types or ()))
        if name is None:
            return False
        self._prepared.move_to_end(key)
        self._hand_over()
        self.pgconn.send_query_prepared(name, parameters, param_formats=self._transformer.formats)
        self.result_queue.append(None if answer is None else (cast("Any", answer), None))
        self._send_if_many()
        return True

    def ask(self, row_factory: RowFactory[T], sql: str, values: Values) -> Answer[T] | None:
        """Runs a statement whose rows are wanted. Returns None where `run` returns False."""
        answer = Answer(self, row_factory)
        return answer if self.run(sql, values, answer) else None

    def fetch(self) -> None:
        """Waits for the answers to all statements so far."""
        with self._lock:
            self._conn.wait(self._fetch_gen(flush=True))

    def rows(self, result: PGresult, make: Any) -> list[Any]:
        """Returns the rows of an answer."""
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, result.ntuples, make)

    def _communicate_gen(self) -> PQGen[None]:
        self._hand_over()
        self._send_if_many()
        yield from ()

    def _exit_gen(self) -> PQGen[None]:
        self._enqueue_sync()
        yield from self._fetch_gen(flush=False)

    def _fetch_gen(self, *, flush: bool) -> PQGen[None]:
        self._hand_over()
        yield from send(self.pgconn)
        self._unsent = 0
        yield from super()._fetch_gen(flush=flush)

    def _hand_over(self) -> None:
        """Gives libpq what cursors have left; it sends nothing by itself before it has 64 KiB."""
        while self.command_queue:
            self.command_queue.popleft()()

    def _send_if_many(self) -> None:
        self._unsent += 1
        if self._unsent >= _SENT_TOGETHER:
            self._unsent = 0
            self.pgconn.flush()


@contextmanager
def gathering_pipeline(connection: Connection[Any]) -> Iterator[GatheringPipeline]:
    """Does what `Connection.pipeline` does, with a pipeline that gathers; a connection has one at a time."""
    pipeline = connection._pipeline = GatheringPipeline(connection)
    try:
        with pipeline:
            yield pipeline
    finally:
        connection._pipeline = None


@lru_cache(maxsize=1024)
def _parsed(sql: str, encoding: str) -> tuple[bytes, Sequence[PyFormat], list[str] | None]:
    """Returns a statement as PostgreSQL takes it, the formats of its parameters, and their names if they have any."""
    query, formats, order, _ = _query2pg(sql.encode(encoding), encoding)
    return query, formats, order
