"""What a Session has published, by the transaction or savepoint in which it was published.

A message shares the fate of what was written beside it: it is dropped with its savepoint, and kept when that is
released. So nothing is written before the whole transaction commits: its messages are numbered by one statement, as
everywhere, and the row locks that order the writers of a subject are held for as short as they can be.
"""

from typing import Any, Final

from sqlalchemy.event import listen
from sqlalchemy.orm import Session, SessionTransaction

from infirmary.messages import Event
from infirmary.tracing.causation import Causation
from infirmary.transport.message_writer import MessageWriter

INFO: Final = "infirmary"
"""Under which key a Session's `info` holds what it has published."""


class Published:
    """What one Session has published and is not certain yet, in listeners on that Session and nowhere else.

    It knows of the Session's own savepoints only, neither of its connection's nor of `text("SAVEPOINT ...")`.

    Attributes:
        service: Whose messages they are.
    """

    def __init__(self, session: Session, service: str) -> None:
        self.service = service
        self._levels: dict[SessionTransaction, MessageWriter] = {}
        listen(session, "after_commit", self.after_commit)
        listen(session, "after_transaction_end", self.after_end)

    def publish(
        self, session: Session, event: Event, cause: Causation | None, bind_arguments: dict[str, Any] | None
    ) -> None:
        """Remembers an event in the innermost transaction of the Session; begins one as any other work would.

        Args:
            session: The Session.
            event: What has happened.
            cause: What led to it; None for whatever has led to the transaction.
            bind_arguments: What finds the database, as of `Session.connection`.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The Session cannot do any work now; SQLAlchemy says why.
        """
        self._begin(session, bind_arguments)
        level = self._level(_innermost(session))
        usual = level.cause
        level.cause = cause or usual
        try:
            level.publish(event)
        finally:
            level.cause = usual

    def _begin(self, session: Session, bind_arguments: dict[str, Any] | None) -> None:
        """Begins to work in the Session's transaction."""
        raise NotImplementedError

    def _root(self) -> MessageWriter:
        """Returns what remembers the messages of the whole transaction."""
        raise NotImplementedError

    def _level(self, transaction: SessionTransaction) -> MessageWriter:
        level = self._levels.get(transaction)
        if level is None:
            level = self._root()
            if transaction.nested:
                level = MessageWriter(level.service, level.cause, level.options)
            self._levels[transaction] = level
        return level

    def after_commit(self, session: Session) -> None:
        """Hands what was published in a savepoint that is released to what is around it."""
        nested = session.get_nested_transaction()
        level = self._levels.pop(nested, None) if nested is not None else None
        if nested is None or level is None:
            return
        around = self._level(_own_level(nested.parent))
        around.messages += level.messages
        around.spans += level.spans

    def after_end(self, _session: Session, transaction: SessionTransaction) -> None:
        """Drops what was not committed, by whatever way it has ended."""
        self._levels.pop(transaction, None)


def _innermost(session: Session) -> SessionTransaction:
    return _own_level(session.get_nested_transaction() or session.get_transaction())


def _own_level(transaction: SessionTransaction | None) -> SessionTransaction:
    """Returns the savepoint or the whole transaction that a flush's own one is a part of."""
    while transaction is not None and not transaction.nested and transaction.parent is not None:
        transaction = transaction.parent
    assert transaction is not None  # noqa: S101 - whoever asks has just worked in one
    return transaction
