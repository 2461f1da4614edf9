"""One batch's work on a log in MongoDB, where no transaction spans several documents.

What makes a batch whole is the order of its writes: first the effects, one document each; then how far each subject has
come, and what need not be held any more; last the offset. Every write may be done again without effect: an effect's
`_id` is its cause, sequences only grow, a message is held once. So whatever a crash leaves out is done by the
repetition, and what was done before is found done.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final
from uuid import UUID

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError

from services.chassis.consumer.crash_points import CrashPoints
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.dispatch import Dispatcher
from services.chassis.consumer.position import Position
from services.chassis.consumer.store import ReaderReplaced
from services.chassis.envelope import Incoming
from services.chassis.log_names import is_old_queue, parsed
from services.chassis.mongo.parked import MongoParked, scope_of
from services.chassis.mongo.participant import Answers
from services.chassis.mongo.positions import MongoPositions
from services.chassis.mongo.storage import MongoCollection, MongoDatabase
from services.chassis.mongo.transaction import MongoTransaction
from services.chassis.spans import SPANS, Span, note_failure

_DUPLICATE_KEY: Final = 11000

NewTransaction = Callable[[Incoming], MongoTransaction]


class MongoWork:
    """The work on one log.

    Attributes:
        parked: The held messages.
    """

    def __init__(
        self,
        database: MongoDatabase,
        documents: MongoCollection,
        positions: MongoPositions,
        new_transaction: NewTransaction,
        dispatcher: Dispatcher,
        crash_points: CrashPoints,
        log: str,
        *,
        one_by_one: bool,
    ) -> None:
        """Prepares the work.

        Args:
            database: The service's.
            documents: Where its aggregates are.
            positions: How far the logs were read.
            new_transaction: Makes what a handler works through.
            dispatcher: What the service does with messages.
            crash_points: Where a test freezes it.
            log: The log's or part's name.
            one_by_one: Whether each effect is written alone, so that the one that fails can be told from the others.
        """
        self._database, self._documents, self._positions = database, documents, positions
        self._new_transaction, self._dispatcher, self._reached = new_transaction, dispatcher, crash_points.reached
        self._log, self._one_by_one = log, one_by_one
        self._of_commands = is_old_queue(log) or parsed(log).of_commands
        self._position = Position()
        self._moves_behind: Delivery | None = None
        self._answers = Answers(documents)
        self._spans: list[Span] = []
        self.parked = MongoParked(database)

    def begin(self, messages: Sequence[Incoming], position: Position, last: Delivery | None) -> Mapping[str, int]:
        """Reads what is known of the messages' subjects."""
        self._position, self._moves_behind = position, last
        subjects = {message.subject for message in messages}
        if self._of_commands:
            self._answers.load(_saga_ids(subjects))
        wanted = {"source": scope_of(self._log), "subject": {"$in": list(subjects)}}
        return {each["subject"]: each["last"] for each in self._database["log_sequence"].find(wanted, {"_id": False})}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Writes at its end what happens inside, where messages are applied one by one; otherwise does nothing."""
        if not self._one_by_one:
            yield
            return
        try:
            yield
            self._write()
        except BaseException:
            self._answers.forget()
            self._spans.clear()
            raise

    def apply(self, message: Incoming) -> None:
        """Applies a message; what it causes is written later.

        Raises:
            MalformedMessage: It cannot be read, or nobody here handles its type.
            Exception: Whatever its handler raises.
        """
        tx = self._new_transaction(message)
        if self._of_commands:
            self._apply_command(tx, message)
        else:
            self._dispatcher.event(tx, message)
            document = tx.document()
            self._answers.inserts += [document] if document is not None else []
        self._spans += tx.spans

    def is_put_off(self, error: BaseException) -> bool:  # noqa: ARG002 - as the protocol has it
        """Says no: nobody holds locks here."""
        return False

    def finish(self, changed: Mapping[str, int], *, wake: bool) -> None:
        """Writes the effects, then how far the subjects have come, then the offset.

        Raises:
            ReaderReplaced: The offset is not where this reader left it, or another one has answered a saga.
        """
        self._write()
        if changed:
            self._save(changed)
            if wake:
                self.parked.wake_after(self._log, changed)
        self.parked.delete_released()
        if self._moves_behind is not None and self._moves_behind.offset is not None:
            self._positions.move(self._log, self._position, self._moves_behind)

    def _apply_command(self, tx: MongoTransaction, message: Incoming) -> None:
        self._dispatcher.begin_command(tx, message)
        try:
            self._answers.answer(tx, *self._dispatcher.command(message))
        except Exception as error:
            note_failure(tx.spans, error)
            raise

    def _write(self) -> None:
        """Writes what the messages caused, except what is there already: the same message has caused it before."""
        inserts, updates = self._answers.inserts, self._answers.updates
        if inserts or updates:
            self._reached("before_commit")
        if inserts:
            self._insert(inserts)
        if updates and self._documents.bulk_write(updates, ordered=True).matched_count < len(updates):
            raise ReaderReplaced(f"{self._log}: another reader has answered a saga meanwhile")
        if inserts or updates:
            self._reached("after_commit")
        self._answers.written()
        spans, self._spans = self._spans, []
        SPANS.tell(spans)

    def _insert(self, documents: list[dict[str, Any]]) -> None:
        try:
            self._documents.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            if error.details["writeConcernErrors"] or any(each["code"] != _DUPLICATE_KEY for each in failed):
                raise
            if any("saga_id" in documents[each["index"]] for each in failed):
                raise ReaderReplaced(f"{self._log}: another reader has answered a saga meanwhile") from error

    def _save(self, changed: Mapping[str, int]) -> None:
        """Notes what was applied; never less than is known, so that a reader which was replaced spoils nothing."""
        scope = scope_of(self._log)
        self._database["log_sequence"].bulk_write(
            [
                UpdateOne({"source": scope, "subject": subject}, {"$max": {"last": last}}, upsert=True)
                for subject, last in changed.items()
            ],
            ordered=False,
        )


def _saga_ids(subjects: set[str]) -> list[UUID]:
    found = []
    for subject in subjects:
        with suppress(ValueError):
            found.append(UUID(subject))
    return found
