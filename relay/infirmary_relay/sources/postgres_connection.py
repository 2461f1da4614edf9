"""A connection on which no wait is for ever: the one file that uses what psycopg does not promise to keep.

`pyproject.toml` has an upper bound for it: how psycopg waits, and its generators, are its own.
"""

from typing import Any, TypeVar

import psycopg
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus, Format

from infirmary_relay.sources import postgres_statements as statements

LONGEST_WAIT_S = 8.0
"""A database that has not answered for so long hangs, or is cut off in a way that nobody has noticed."""
_WAKE_S = 0.1
_LOOK = b"look"
T = TypeVar("T")


class BoundedConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection on which no wait is for ever, whatever becomes of the server."""

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
        self.pgconn.send_query_prepared(_LOOK, [b"%d" % floor], result_format=Format.BINARY)
        (found,) = self.wait(generators.execute(self.pgconn))
        if found.status != ExecStatus.TUPLES_OK:
            raise psycopg.errors.error_from_result(found)
        return bool(found.get_value(0, 0) == b"\x01")
