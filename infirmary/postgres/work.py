"""One transaction of PostgreSQL in which messages of a log are applied: offset, sequences and effects together."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg

from infirmary.consumer.delivery import Delivery
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.position import Position
from infirmary.consumer.sequence import Last
from infirmary.consumer.store import ReaderReplaced
from infirmary.postgres.locks import LockWaits
from infirmary.postgres.parked import PostgresParked
from infirmary.postgres.restoring.answers import ask_answered
from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.sagas.participant import answer
from infirmary.postgres.sagas.prefetch import PrefetchedSagas
from infirmary.postgres.sequences import ask_for_last, raise_to, told
from infirmary.postgres.transaction import Transaction
from infirmary.tracing.spans import note_failure
from infirmary.transport.envelope import Incoming
from infirmary.transport.log_names import carries_commands

_MOVE_OFFSET: Final[LiteralString] = """
UPDATE log_reader SET last_offset = %(offset)s, last_message_id = %(identity)s,
       first_offset = %(first_offset)s, complete_since = %(complete_since)s
WHERE log = %(log)s AND last_offset IS NOT DISTINCT FROM %(expected)s RETURNING log
"""
"""Comes first, so that a reader that was replaced is stopped by the row before it does anything."""

_CHECK_NOW: Final[LiteralString] = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"


class PostgresWork:
    """The work on one log in one transaction.

    Attributes:
        parked: The held messages.
    """

    def __init__(
        self,
        tx: Transaction,
        dispatcher: Dispatcher,
        orchestrator: Orchestrator | None,
        log: str,
        *,
        one_by_one: bool,
        some_answered: bool,
    ) -> None:
        """Prepares the work.

        Args:
            tx: The transaction.
            dispatcher: What the service does with messages.
            orchestrator: What carries the service's own sagas on.
            log: The log's or part's name.
            one_by_one: Whether each message gets a savepoint, so that the one that fails can be told from the others.
            some_answered: Whether a restore may have made again what some of the messages had caused.
        """
        self._tx, self._dispatcher, self._orchestrator = tx, dispatcher, orchestrator
        self._log, self._one_by_one = log, one_by_one
        self._of_commands = carries_commands(log)
        self._locks = LockWaits(tx)
        self._sagas = PrefetchedSagas(tx)
        self._some_answered, self._answered = some_answered, frozenset[UUID]()
        self.parked = PostgresParked(tx)

    def begin(self, messages: Sequence[Incoming], position: Position, last: Delivery | None) -> Mapping[str, Last]:
        """Moves the offset, and reads what is known of the messages' subjects: all in one round trip in a pipeline.

        Raises:
            ReaderReplaced: The offset is not where this reader left it.
        """
        moved = self._move_offset(position, last) if last is not None and last.offset is not None else None
        subjects = {message.subject for message in messages}
        known = ask_for_last(self._tx, self._log, subjects)
        if self._of_commands and not self._one_by_one:
            self._sagas.ask(messages)
        answered = ask_answered(self._tx, messages) if self._some_answered else None
        if moved is not None and moved.fetchone() is None:
            raise ReaderReplaced(f"{self._log}: the offset is no longer {position.last_offset}")
        sequences = told(known)
        if answered is not None:
            self._answered = frozenset(message_id for (message_id,) in answered.fetchall())
        if self._one_by_one:
            self._locks.shorten()
        return sequences

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Undoes what happens inside when it raises, where messages are applied one by one; otherwise does nothing."""
        if not self._one_by_one:
            yield
            return
        with self._tx.savepoint():
            yield
            # What the database checks at the COMMIT it checks here, where it is known whose message has failed.
            self._tx.connection.execute(_CHECK_NOW, prepare=False)  # two in one: that cannot be prepared

    def apply(self, message: Incoming) -> None:
        """Applies a message; of one that was answered before the database was set back nothing is done again.

        Raises:
            MalformedMessage: It cannot be read, nobody here handles its type, or it is not its sender's to say.
            Exception: Whatever its handler raises.
        """
        if not self._of_commands:
            if message.message_id not in self._answered:
                self._dispatcher.event(self._tx, message)
            return
        sagas = PrefetchedSagas(self._tx) if self._one_by_one else self._sagas
        self._apply_command_or_reply(message, sagas)
        if self._one_by_one:
            sagas.save()

    def is_put_off(self, error: BaseException) -> bool:
        """Says whether a message has met a lock that was not to be had at once, and is to be tried again soon."""
        return self._locks.met(error)

    def finish(self, changed: Mapping[str, Last], *, wake: bool) -> None:
        """Writes the answers to sagas and the last messages of subjects."""
        self._sagas.save()
        if not changed:
            return
        if self._one_by_one:
            self._locks.wait_as_usual()
        raise_to(self._tx, self._log, changed)
        if wake:
            self.parked.wake_after(self._log, {subject: last.sequence for subject, last in changed.items()})

    def _apply_command_or_reply(self, message: Incoming, sagas: PrefetchedSagas) -> None:
        self._dispatcher.begin_command(self._tx, message)
        is_made_again = message.message_id in self._answered
        try:
            if self._dispatcher.is_notice(message):
                self._dispatcher.notice(self._tx, message)
            elif self._orchestrator is None or not self._dispatcher.is_reply(message):
                command, handler = self._dispatcher.command(message)
                answer(self._tx, command, handler, sagas.outcomes, is_made_again=is_made_again)
            elif not is_made_again:
                self._orchestrator.replied(self._tx, self._dispatcher.reply(message), sagas.rows, message.source)
        except Exception as error:
            note_failure(self._tx.spans, error)
            raise

    def _move_offset(self, position: Position, last: Delivery) -> psycopg.Cursor[Any]:
        return self._tx.connection.execute(
            _MOVE_OFFSET,
            {
                "log": self._log,
                "offset": last.offset,
                "identity": last.identity,
                "first_offset": position.first_offset,
                "complete_since": position.complete_since,
                "expected": position.last_offset,
            },
        )
