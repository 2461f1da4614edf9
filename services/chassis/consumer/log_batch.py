"""Applies a batch of a log's events in one transaction: offset, sequences and effects together."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from services.chassis.consumer import due, parking
from services.chassis.consumer.applying import Applier
from services.chassis.consumer.batch_counts import BatchCounts
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.hindrance import Hindrances
from services.chassis.consumer.ledger import ReaderReplaced
from services.chassis.consumer.position import Position
from services.chassis.consumer.sequence import Sequences, Subject, Verdict
from services.chassis.database import is_transient
from services.chassis.envelope import Incoming, MalformedMessage
from services.chassis.log_parts import publisher_of
from services.chassis.transaction import Transaction


@dataclass(frozen=True, slots=True)
class _Last:
    source: str
    subject: str
    last: int


class LogBatch:
    """One transaction's work on one log."""

    def __init__(
        self,
        tx: Transaction,
        applier: Applier,
        log: str,
        position: Position,
        careful: bool,
        some_held: bool = False,
    ) -> None:
        """Prepares the work.

        Args:
            tx: The transaction.
            applier: What the service does with events.
            log: The name of the log or of a part of it.
            position: Where the reader stands.
            careful: Whether each message gets a savepoint, so that the one that fails can be told from the others.
            some_held: Whether there may be events that wait for one that is applied here.
        """
        self.tx, self.applier, self.log, self.position, self.careful = tx, applier, log, position, careful
        self.some_held = some_held
        self.publisher = publisher_of(log)
        self.sequences = Sequences({}, position.beginning_expired)
        self.changed: set[Subject] = set()
        self.counts = BatchCounts(log)
        self.hindrances = Hindrances(tx)

    def apply(self, deliveries: Sequence[Delivery]) -> None:
        """Applies the deliveries in their order."""
        self._move_offset(deliveries[-1])
        messages = [delivery.message for delivery in deliveries]
        self._load({_scope(message) for message in messages if isinstance(message, Incoming)})
        if self.careful:
            self.hindrances.begin()
        for delivery in deliveries:
            self._one(delivery)
        self._save()

    def retry(self, at_most: int, until: float) -> None:
        """Tries held events whose turn has come.

        Args:
            at_most: So many of those that have failed before.
            until: And of those none after this, by the monotonic clock, but for the first.
        """
        held_now = due.due_in_log(self.tx, self.log, at_most)
        self._load({Subject(held.source, held.subject) for held in held_now if held.source and held.subject})
        if self.careful:
            self.hindrances.begin()
        for held in due.in_time(held_now, until):
            self._retry(held)
        self._save()

    def _retry(self, held: parking.Held) -> None:
        try:
            message = held.message()
            with self.tx.savepoint() if self.careful else nullcontext():
                verdict = self._judge_and_apply(message)
        except Exception as error:  # whatever a handler raises is kept with its message
            if self.careful and self.hindrances.met(error):
                parking.put_off(self.tx, held)
                self.counts.put_off(is_new=False)
                return
            if not self.careful or is_transient(error):
                raise
            parking.failed_again(self.tx, held, error)
            self.counts.failed_again(held.error, error, held.readable(), held.message_id)
            return
        self._note(message, verdict)
        if verdict is not Verdict.WAIT:
            parking.release(self.tx, held)

    def _one(self, delivery: Delivery) -> None:
        message = delivery.message
        try:
            if isinstance(message, MalformedMessage):
                raise message
            with self.tx.savepoint() if self.careful else nullcontext():
                verdict = self._judge_and_apply(message)
            self._note(message, verdict)
        except MalformedMessage as malformed:
            self._hold(delivery, malformed)
        except Exception as error:
            is_put_off = self.careful and self.hindrances.met(error)
            if not self.careful or (is_transient(error) and not is_put_off):
                raise
            self._hold(delivery, error, is_put_off)
        else:
            if verdict is Verdict.WAIT:
                self._hold(delivery, None)

    def _judge_and_apply(self, message: Incoming) -> Verdict:
        if message.source != self.publisher or message.sequence is None:
            raise MalformedMessage(f"an event in {self.log} must have source {self.publisher} and a sequence")
        verdict = self.sequences.judge(_scope(message), message.sequence)
        if verdict is Verdict.APPLY:
            self.applier.event(self.tx, message)
        return verdict

    def _note(self, message: Incoming, verdict: Verdict) -> None:
        """Notes what has come of a message, once nothing of it can fail any more: its savepoint is behind it."""
        if verdict is Verdict.APPLY and message.sequence is not None:
            self.sequences.applied(_scope(message), message.sequence)
            self.changed.add(_scope(message))
            if self.applier.handles(message):
                self.counts.applied(message)
            else:
                self.counts.passed(message.type)
        elif verdict is Verdict.DUPLICATE:
            self.counts.duplicate()

    def _hold(self, delivery: Delivery, error: BaseException | None, is_put_off: bool = False) -> None:
        parking.hold(self.tx, self.log, delivery, error, is_put_off)
        message = delivery.message
        if (
            isinstance(message, Incoming)
            and message.source == self.publisher
            and message.sequence
            and self.sequences.is_first_of_expired(_scope(message))
        ):
            self.sequences.applied(_scope(message), message.sequence - 1)  # what follows has to wait for this one
            self.changed.add(_scope(message))
        if is_put_off:
            self.counts.put_off(is_new=True)
        else:
            self.counts.held(error, message if isinstance(message, Incoming) else None, delivery.identity)

    def _move_offset(self, last: Delivery) -> None:
        """Moves the offset first, so that a reader that was replaced is stopped by the row before it does anything."""
        moved = self.tx.value(
            """UPDATE log_reader SET last_offset = %(offset)s, last_message_id = %(identity)s,
                      first_offset = coalesce(first_offset, %(first_offset)s)
               WHERE log = %(log)s AND last_offset IS NOT DISTINCT FROM %(expected)s RETURNING log""",
            log=self.log,
            offset=last.offset,
            identity=last.identity,
            first_offset=self.position.first_offset,
            expected=self.position.last_offset,
        )
        if moved is None:
            raise ReaderReplaced(f"{self.log}: the offset is no longer {self.position.last_offset}")

    def _load(self, subjects: Iterable[Subject]) -> None:
        wanted = list(subjects)
        rows = self.tx.many(
            _Last,
            """SELECT s.source, s.subject, s.last FROM log_sequence s
               JOIN unnest(%(sources)s::text[], %(subjects)s::text[]) AS wanted (source, subject) USING (source,
               subject)""",
            sources=[subject.source for subject in wanted],
            subjects=[subject.subject for subject in wanted],
        )
        self.sequences.last = {Subject(row.source, row.subject): row.last for row in rows}

    def _save(self) -> None:
        if not self.changed:
            return
        if self.careful:
            self.hindrances.end()
        changed = sorted(self.changed)
        self.tx.execute(
            """INSERT INTO log_sequence (source, subject, last)
               SELECT * FROM unnest(%(sources)s::text[], %(subjects)s::text[], %(last)s::bigint[])
               ON CONFLICT (source, subject) DO UPDATE SET last = excluded.last""",
            sources=[subject.source for subject in changed],
            subjects=[subject.subject for subject in changed],
            last=[self.sequences.last[subject] for subject in changed],
        )
        if self.some_held:
            parking.wake_after(self.tx, self.log, {subject: self.sequences.last[subject] for subject in changed})


def _scope(message: Incoming) -> Subject:
    return Subject(message.source, message.subject)
