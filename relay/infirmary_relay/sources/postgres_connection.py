"""A connection on which no wait is for ever: the one file that uses what psycopg does not promise to keep.

`pyproject.toml` has an upper bound for it: how psycopg waits, and its generators, are its own.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

import psycopg
from psycopg import generators
from psycopg.abc import Params, PQGen, Query
from psycopg.pq import ExecStatus, Format
from psycopg.waiting import Ready

from infirmary_relay.sources import postgres_statements as statements

LONGEST_WAIT_S = 8.0
"""A database that has not answered for so long hangs, or is cut off in a way that nobody has noticed."""
_WAKE_S = 0.1
_LOOK = b"look"
T = TypeVar("T")


class Begun:
    """A statement that was sent, and whose answer is awaited when somebody asks for it."""

    def __init__(self, connection: "BoundedConnection", statement: str, asked: Mapping[str, object]) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._steps = self._cursor._execute_gen(statement, dict(asked), prepare=True, binary=True)
        self._error: psycopg.Error | None = None
        self._is_done = False
        self._waits_for: Any = next(self._steps, None)

    def hear(self) -> psycopg.Error | None:
        """Waits for the answer, and keeps it; gives what went wrong."""
        if not self._is_done:
            self._is_done = True
            try:
                self._connection.wait(self._rest())
            except psycopg.Error as failed:
                self._error = failed
        return self._error

    def rows(self) -> list[tuple[Any, ...]]:
        """The answer, once it was heard and nothing went wrong."""
        return self._cursor.fetchall()

    def _rest(self) -> PQGen[None]:
        # What has come may have been read already, with a notification: then nothing more would make this go on.
        ready: Any = Ready.R
        while self._waits_for is not None:
            try:
                self._waits_for = self._steps.send(ready)
            except StopIteration:
                return
            ready = yield self._waits_for


class BoundedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection on which no wait is for ever, whatever becomes of the server."""

    _begun: Begun | None = None

    def begin(self, statement: str, asked: Mapping[str, object]) -> Begun:
        """Sends a statement, to do something else while the server works; its answer comes in binary form."""
        self._hear()
        self._begun = Begun(self, statement, asked)
        return self._begun

    def execute(
        self, query: Query, params: Params | None = None, *, prepare: bool | None = None, binary: bool = False
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        """Executes a statement, after the one that was begun."""
        self._hear()
        return super().execute(query, params, prepare=prepare, binary=binary)  # type: ignore[arg-type]  # as it came

    def _hear(self) -> None:
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.hear()

    def wait(self, gen: PQGen[T], interval: float = _WAKE_S, timeout: float | None = None) -> T:
        """Waits as psycopg does, but not longer than `LONGEST_WAIT_S`.

        Raises:
            OperationalError: the server has not answered.
        """
        try:
            return super().wait(gen, interval, LONGEST_WAIT_S if timeout is None else timeout)
        except psycopg.errors._WaitTimeout:
            raise psycopg.OperationalError(f"the server has not answered for {LONGEST_WAIT_S:.0f} s") from None

    def prepare_look(self) -> None:
        """Prepares what `look` asks."""
        self.execute(statements.PREPARE_LOOK)

    def look(self, floor: int) -> bool:
        """Whether any row lies above the floor: the one statement that an idle relay runs ten times a second.

        It goes below psycopg's cursors, at a tenth of their cost.
        """
        self._hear()
        self.pgconn.send_query_prepared(_LOOK, [b"%d" % floor], result_format=Format.BINARY)
        (found,) = self.wait(generators.execute(self.pgconn))
        if found.status != ExecStatus.TUPLES_OK:
            raise psycopg.errors.error_from_result(found)
        return bool(found.get_value(0, 0) == b"\x01")
