"""One batch's work on a log in MongoDB, where no transaction spans several documents.

What makes a batch whole is the order of its writes: first what the messages cause, one document each; then how far each
subject has come; then what need not be held any more; last the offset. Every write may be done again without effect:
a document's `_id` is its cause, sequences only grow, a message is held once. So whatever a crash leaves out is done by
the repetition, and what was done before is found done.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from uuid import UUID

from infirmary.consumer.delivery import Delivery
from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.position import Position
from infirmary.consumer.sequence import Last
from infirmary.mongo.erasing import forget
from infirmary.mongo.parked import MongoParked
from infirmary.mongo.participant import Answer, Answers
from infirmary.mongo.positions import MongoPositions
from infirmary.mongo.sequences import last_of, raise_to
from infirmary.mongo.storage import MongoDatabase
from infirmary.mongo.transaction import Forgotten, MongoTransaction
from infirmary.mongo.writes import Writes
from infirmary.tracing.spans import Span, note_failure, undo_to
from infirmary.tracing.tracer import Tracer
from infirmary.transport.envelope import Incoming
from infirmary.transport.log_names import carries_commands

NewTransaction = Callable[[Incoming], MongoTransaction]


class MongoWork:
    """The work on one log.

    Attributes:
        parked: The held messages.
    """

    def __init__(
        self,
        database: MongoDatabase,
        positions: MongoPositions,
        writes: Writes,
        answers: Answers,
        new_transaction: NewTransaction,
        dispatcher: Dispatcher,
        tracer: Tracer,
        log: str,
        *,
        one_by_one: bool,
    ) -> None:
        """Prepares the work.

        Args:
            database: The service's.
            positions: How far the logs were read.
            writes: Writes what the messages cause.
            answers: What sagas were answered.
            new_transaction: Makes what a handler works through.
            dispatcher: What the service does with messages.
            tracer: Takes spans.
            log: The log's or part's name.
            one_by_one: Whether each message is written alone, so that the one that fails can be told from the others.
        """
        self._database, self._positions = database, positions
        self._writes, self._answers = writes, answers
        self._new_transaction, self._dispatcher, self._tracer = new_transaction, dispatcher, tracer
        self._log, self._one_by_one = log, one_by_one
        self._of_commands = carries_commands(log)
        self._position = Position()
        self._moves_behind: Delivery | None = None
        self._spans: list[Span] = []
        self._forgotten: list[Forgotten] = []
        self.parked = MongoParked(database)

    def begin(self, messages: Sequence[Incoming], position: Position, last: Delivery | None) -> Mapping[str, Last]:
        """Reads what is known of the messages' subjects."""
        self._position, self._moves_behind = position, last
        subjects = {message.subject for message in messages}
        if self._of_commands:
            self._answers.load(_saga_ids(subjects))
        return last_of(self._database, self._log, subjects)

    def alone(self) -> AbstractContextManager[None]:
        """Does nothing: what a message causes is one write, so nothing of one that fails has to be undone."""
        return nullcontext()

    def apply(self, message: Incoming) -> None:
        """Applies a message; what it causes is written later, unless messages are written one by one.

        Raises:
            MalformedMessage: It cannot be read, or nobody here handles its type.
            ReaderReplaced: Another reader has answered its saga.
            Exception: Whatever its handler raises.
        """
        tx = self._new_transaction(message)
        try:
            if self._of_commands:
                self._apply_command(tx, message)
            else:
                self._apply_event(tx, message)
        finally:
            self._spans += tx.spans
        if self._one_by_one:
            self._write()

    def is_put_off(self, error: BaseException) -> bool:  # noqa: ARG002 - as the protocol has it
        """Says no: nobody holds locks here."""
        return False

    def finish(self, changed: Mapping[str, Last], *, wake: bool) -> None:
        """Writes what the messages caused, then how far the subjects have come, then the offset.

        Raises:
            ReaderReplaced: The offset is not where this reader left it, or another one has answered a saga.
        """
        self._write()
        if changed:
            raise_to(self._database, self._log, changed)
            if wake:
                self.parked.wake_after(self._log, {subject: last.sequence for subject, last in changed.items()})
        self.parked.delete_released()
        if self._moves_behind is not None and self._moves_behind.offset is not None:
            self._positions.move(self._log, self._position, self._moves_behind)

    def _apply_event(self, tx: MongoTransaction, message: Incoming) -> None:
        try:
            self._dispatcher.event(tx, message)
        except Exception:
            undo_to(tx.spans, 0)
            raise
        self._change(tx)
        if tx.has_effect:
            self._writes.add(tx.document())

    def _apply_command(self, tx: MongoTransaction, message: Incoming) -> None:
        self._dispatcher.begin_command(tx, message)
        try:
            if self._dispatcher.is_notice(message):
                self._dispatcher.notice(tx, message)
                answer = Answer(tx.document(), 0) if tx.has_effect else None
            else:
                answer = self._answers.answer(tx, *self._dispatcher.command(message))
        except Exception as error:
            note_failure(tx.spans, error)
            undo_to(tx.spans, 0)
            raise
        if answer is None:
            tx.spans.clear()  # it was told when it was answered
        else:
            self._change(tx)
            self._writes.add(*answer)

    def _change(self, tx: MongoTransaction) -> None:
        self._writes.change(tx.changes)
        self._forgotten += tx.forgotten

    def _write(self) -> None:
        spans, self._spans = self._spans, []
        people, self._forgotten = self._forgotten, []
        forget(self._database, people)
        try:
            self._writes.write()
        except BaseException:
            self._answers.forget()
            raise
        self._answers.written()
        self._tracer.tell(spans)


def _saga_ids(subjects: set[str]) -> list[UUID]:
    found = []
    for subject in subjects:
        with suppress(ValueError):
            found.append(UUID(subject))
    return found
