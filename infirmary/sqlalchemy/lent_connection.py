"""The psycopg connection of a consumer's batch, lent to SQLAlchemy: statements go through, the transaction stays."""

import re
from typing import Any, Final

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, StaticPool, create_engine, event

_ENDS: Final = re.compile(
    r"\s*(COMMIT|END|ABORT|BEGIN|START|PREPARE\s+TRANSACTION|ROLLBACK(?!.*\bTO\b))\b", re.IGNORECASE | re.DOTALL
)


class NotYoursToEnd(RuntimeError):
    """A handler has tried to end the transaction in which its message is applied, or has gone on after an error."""


class LentConnection:
    """What SQLAlchemy takes for a connection of psycopg.

    SQLAlchemy rolls back by itself when a flush fails. That must not undo what the batch has done before, and can undo
    nothing of the message alone: whoever has lent the connection looks afterwards whether the work can be kept.

    Attributes:
        was_rolled_back: Whether SQLAlchemy takes what was done since `begin` for undone.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.lender: Final = connection
        self.was_rolled_back = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.lender, name)

    def is_spoilt(self) -> bool:
        """Says whether something has failed, so that the work in hand cannot be kept."""
        return self.was_rolled_back or self.lender.info.transaction_status == TransactionStatus.INERROR

    def commit(self) -> None:
        """Leaves the COMMIT to the batch."""

    def rollback(self) -> None:
        """Leaves the ROLLBACK to the batch."""
        self.was_rolled_back = True

    def close(self) -> None:
        """Leaves the connection open."""


def engine_on(connection: LentConnection) -> Engine:
    """Returns an engine that has this connection and no other.

    HSTORE is read by SQLAlchemy and not by psycopg: it would be registered on the connection, for everybody.
    """
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: connection,
        poolclass=StaticPool,
        pool_reset_on_return=None,
        use_native_hstore=False,
    )
    event.listen(engine, "before_cursor_execute", _refuse_ends)
    return engine


def _refuse_ends(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    """Refuses what would end the batch's transaction; `ROLLBACK TO SAVEPOINT` does not."""
    if _ENDS.match(statement):
        raise NotYoursToEnd(f"{statement:.40} is the batch's: return, or raise an error, or work in begin_nested()")
