"""Writes what a Session has published into the outbox, by the last statement before its COMMIT."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from weakref import ref

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, SessionTransaction

from infirmary.postgres import outbox
from infirmary.sqlalchemy.published import Published
from infirmary.tracing.causation import Causation, causation_of
from infirmary.transport.envelope import Outgoing
from infirmary.transport.message_writer import MessageWriter
from infirmary.transport.write_options import WriteOptions


class SessionOutbox(Published):
    """What one Session has published, and the connection on which it is written.

    The connection tells of its COMMIT, or of its PREPARE TRANSACTION: by then all flushes and all events of the commit
    are over. `before_commit` would come too early for what a mapper's event publishes in the last flush, and not at all
    where the first event of a Session is published by a listener of that very commit.
    """

    def __init__(
        self, session: Session, service: str, options: WriteOptions, wake_relay: Callable[[Engine], None]
    ) -> None:
        """Begins to listen.

        Args:
            session: The Session.
            service: Whose messages they are.
            options: What is chosen for all that the process writes.
            wake_relay: Called after a commit with messages.
        """
        super().__init__(session, service)
        self._session = ref(session)
        self._transaction: SessionTransaction | None = None
        self._is_joined = False
        self._options, self._wake_relay = options, wake_relay
        self._connection: Connection | None = None
        self._last_event = ""
        self._whole: MessageWriter | None = None
        self._has_written = False

    def _begin(self, session: Session, bind_arguments: dict[str, Any] | None) -> None:
        connection = session.connection(bind_arguments=bind_arguments)
        if self._transaction is not session.get_transaction():
            self._forget()  # of the one before, whose end this Session has not heard of yet
        if connection is self._connection:
            return
        if self._connection is not None:
            raise ValueError("a transaction publishes through one database, and this is another one than before")
        check_driver(connection)
        self._transaction = session.get_transaction()
        self._is_joined = session.get_bind(**(bind_arguments or {})) is connection
        self._last_event = "prepare_twophase" if session.twophase else "commit"
        event.listen(connection, self._last_event, self._before_end_of)
        self._connection = connection

    def _root(self) -> MessageWriter:
        if self._whole is None:
            self._whole = MessageWriter(self.service, self._new_cause(), self._options)
        return self._whole

    def _new_cause(self) -> Causation:
        return causation_of(None, None, None, tracer=self._options.tracer)

    def _before_end_of(self, connection: Connection, *_xid: Any) -> None:
        session = self._session()
        if self._is_joined and (session is None or session.is_active):
            return  # somebody else commits the connection, and not the Session that works on it
        try:
            self._write()
        except BaseException as error:
            if isinstance(getattr(error, "orig", None), psycopg.errors.UndefinedTable):
                error.add_note("The outbox's tables are missing: a migration with create_tables(op) makes them.")
            # SQLAlchemy takes a COMMIT that fails for a transaction that the server has ended.
            with suppress(psycopg.Error, SQLAlchemyError):
                connection.connection.rollback()
            raise

    def _write(self) -> None:
        messages: list[Outgoing] = self._whole.messages if self._whole is not None else []
        if messages and self._connection is not None:
            outbox.write(self._connection.exec_driver_sql, messages)
            self._has_written = True
            messages.clear()

    def after_commit(self, session: Session) -> None:
        """Wakes the relay, and tells what was done, once the whole transaction is certain."""
        super().after_commit(session)
        if session.in_nested_transaction():
            return
        self._write()  # what is left where the Session is a part of somebody else's transaction, which goes on
        if self._has_written and self._connection is not None:
            self._wake_relay(self._connection.engine)
        if self._whole is not None and self._whole.spans:
            self._options.tracer.tell(self._whole.spans)

    def after_end(self, session: Session, transaction: SessionTransaction) -> None:
        """Forgets what was not committed, and with the whole transaction its connection."""
        super().after_end(session, transaction)
        if transaction is self._transaction:
            self._forget()

    def _forget(self) -> None:
        connection, self._connection, self._transaction = self._connection, None, None
        self._whole, self._has_written = None, False
        if connection is not None and not connection.closed:  # it is somebody else's, and goes on
            event.remove(connection, self._last_event, self._before_end_of)


def check_driver(connection: Connection) -> None:
    """Makes sure that messages can be written on a connection, together with what else is written there.

    Raises:
        TypeError: It is another database's or another driver's.
        ValueError: Each statement on it is a transaction of its own.
    """
    dialect = connection.dialect
    if (dialect.name, dialect.driver) != ("postgresql", "psycopg"):
        raise TypeError(
            f"the outbox is written through psycopg, and the Session's engine is {dialect.name}+{dialect.driver}: make"
            " it with a URL that begins with postgresql+psycopg://"
        )
    if getattr(connection.connection.dbapi_connection, "autocommit", False):
        raise ValueError(
            "the Session's connection is in autocommit mode, where a row and the message that tells of it are two"
            " transactions: leave AUTOCOMMIT out of the isolation level"
        )
