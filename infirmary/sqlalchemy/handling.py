"""Gives a consumer's handlers that ask for it a Session in the transaction of the batch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from functools import wraps
from typing import Any, NoReturn

import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction

from infirmary.handlers import Handlers
from infirmary.postgres.transaction import Transaction
from infirmary.sqlalchemy.lent_connection import LentConnection, NotYoursToEnd, engine_on
from infirmary.sqlalchemy.published import INFO, Published
from infirmary.transport.message_writer import MessageWriter

Handler = Callable[[Any, Any], Any]


def in_sessions(handlers: Handlers) -> Handlers:
    """Returns a service's table in which the handlers that ask for a Session get one; the others are as they were."""
    with_sessions, lender = copy(handlers), _Lender()

    def given(handler: Handler) -> Handler:
        return lender.given(handler) if handler in handlers.with_session else handler

    with_sessions.events = {key: (kind, given(handler)) for key, (kind, handler) in handlers.events.items()}
    with_sessions.commands = {key: (kind, given(handler)) for key, (kind, handler) in handlers.commands.items()}
    return with_sessions


class BatchSession(Session):
    """A Session whose transaction is the batch's: offset, sequences and the effects of other messages are in it."""

    def commit(self) -> NoReturn:
        """Refuses."""
        raise _refusal("commit", "return, and it is committed together with the place in the log")

    def prepare(self) -> NoReturn:
        """Refuses."""
        raise _refusal("prepare", "return, and it is committed together with the place in the log")

    def rollback(self) -> NoReturn:
        """Refuses."""
        raise _refusal("rollback", "raise an error, and nothing of the message is kept; or work in begin_nested()")

    def close(self) -> NoReturn:
        """Refuses; `with session:` ends with it, too."""
        raise _refusal("close", "return, and it is closed")

    def reset(self) -> NoReturn:
        """Refuses."""
        raise _refusal("reset", "expunge_all() forgets the objects")

    def invalidate(self) -> NoReturn:
        """Refuses."""
        raise _refusal("invalidate", "raise the error")

    def begin(self, nested: bool = False) -> SessionTransaction:
        """Begins a savepoint.

        Raises:
            NotYoursToEnd: A transaction is asked for.
        """
        if not nested:
            raise _refusal("begin", "a transaction is under way; begin_nested() makes a savepoint in it")
        return super().begin(nested=True)


def _refusal(what: str, instead: str) -> NotYoursToEnd:
    return NotYoursToEnd(f"a handler's Session takes no {what}(): {instead}")


class _PublishedInBatch(Published):
    """What a handler's Session has published: it goes with the batch's own messages."""

    def __init__(self, session: Session, tx: Transaction) -> None:
        super().__init__(session, tx.service)
        self._tx = tx

    def _begin(self, session: Session, bind_arguments: dict[str, Any] | None) -> None:
        session.connection(bind_arguments=bind_arguments)

    def _root(self) -> MessageWriter:
        return self._tx


class _Lender:
    """Lends a consumer's connection, of which it has one at a time, to Sessions, one for each message."""

    def __init__(self) -> None:
        self._lent: tuple[LentConnection, Engine] | None = None

    def given(self, handler: Handler) -> Handler:
        """Returns a handler that is called with the transaction, and calls this one with a Session in it."""

        @wraps(handler)
        def with_session(message: Any, tx: Transaction) -> Any:
            with self._session(tx) as session:
                return handler(message, session)

        return with_session

    @contextmanager
    def _session(self, tx: Transaction) -> Iterator[Session]:
        """Gives a Session that is flushed at the end.

        Raises:
            NotYoursToEnd: An error has undone what the handler did, and the handler has gone on.
            psycopg.Error: In place of SQLAlchemy's own, so that the consumer knows which of them pass by themselves.
        """
        lent, engine = self._lent_of(tx.connection)
        session = BatchSession(engine, close_resets_only=False)
        session.info[INFO] = _PublishedInBatch(session, tx)
        lent.was_rolled_back = False
        try:
            yield session
            if not lent.is_spoilt():
                _finish(session)
            if lent.is_spoilt():
                raise NotYoursToEnd(
                    "an error has undone what the handler did, and it has gone on: what may fail belongs into"
                    " `with session.begin_nested():`"
                )
        except DBAPIError as error:
            if isinstance(error.orig, psycopg.Error):
                raise error.orig.with_traceback(error.__traceback__) from error
            raise
        finally:
            Session.close(session)

    def _lent_of(self, connection: psycopg.Connection[Any]) -> tuple[LentConnection, Engine]:
        if self._lent is None or self._lent[0].lender is not connection:
            lent = LentConnection(connection)
            self._lent = lent, engine_on(lent)
            # SQLAlchemy looks at a server when it first connects, and rolls back; no handler's work is undone by that.
            self._lent[1].connect().close()
        return self._lent


def _finish(session: Session) -> None:
    """Does what comes before a COMMIT: calls those who listen for it, releases open savepoints, and flushes."""
    session.dispatch.before_commit(session)
    while (nested := session.get_nested_transaction()) is not None:
        nested.commit()
    session.flush()
