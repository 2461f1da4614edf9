"""Applies a batch of commands and replies in one transaction: inbox rows and effects together."""

from collections.abc import Sequence
from contextlib import nullcontext
from uuid import UUID

import psycopg

from services.chassis.consumer import due, parking
from services.chassis.consumer.applying import Applier, step_of
from services.chassis.consumer.batch_counts import BatchCounts
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.hindrance import Hindrances
from services.chassis.database import is_transient
from services.chassis.envelope import Incoming, MalformedMessage
from services.chassis.messages import COMPENSATION_SUFFIX
from services.chassis.saga.in_hand import SagasInHand
from services.chassis.transaction import Transaction


class InboxBatch:
    """One transaction's work on the service's inbox queue."""

    def __init__(self, tx: Transaction, applier: Applier, queue: str, careful: bool) -> None:
        """Prepares the work.

        Args:
            tx: The transaction.
            applier: What the service does with commands and replies.
            queue: The queue's name, `<service>.inbox`.
            careful: Whether each message gets a savepoint, so that the one that fails can be told from the others.
        """
        self.tx, self.applier, self.queue, self.careful = tx, applier, queue, careful
        self.sagas = SagasInHand(tx)
        self.blocked: set[str] = set()
        self.counts = BatchCounts(queue)
        self.hindrances = Hindrances(tx)

    def apply(self, deliveries: Sequence[Delivery]) -> None:
        """Applies those deliveries, in their order, that are not in the inbox yet."""
        messages = [delivery.message for delivery in deliveries if isinstance(delivery.message, Incoming)]
        entered = self._enter([delivery.identity for delivery in deliveries])
        # After the inbox rows, which wait for a consumer that was thought dead: this reads what it held and answered.
        held = parking.ask_held_subjects(self.tx, self.queue, {message.subject for message in messages})
        if not self.careful:
            self.sagas.ask(messages)
        unseen = {message_id for (message_id,) in entered.fetchall()}
        self.blocked = {subject for (subject,) in held.fetchall()}
        if self.careful:
            self.hindrances.begin()
        for delivery in deliveries:
            if delivery.identity in unseen:
                unseen.discard(delivery.identity)
                self._one(delivery)
            else:
                self.counts.duplicate()
        self.sagas.save()

    def retry(self, at_most: int, until: float) -> None:
        """Tries held messages whose turn has come.

        Args:
            at_most: So many of those that have failed before.
            until: And of those none after this, by the monotonic clock, but for the first.
        """
        held_now = due.due_in_inbox(self.tx, self.queue, at_most)
        self.hindrances.begin()
        for held in due.in_time(held_now, until):
            self._retry(held)

    def _retry(self, held: parking.Held) -> None:
        try:
            with self.tx.savepoint():
                applied = self._apply_alone(held.message())
                parking.release(self.tx, held)  # the one behind it may be in somebody's hands
            self.counts.applied(applied)
        except Exception as error:  # whatever a handler raises is kept with its message
            if self.hindrances.met(error):
                parking.put_off(self.tx, held)
                self.counts.put_off(is_new=False)
                return
            if is_transient(error):
                raise
            parking.failed_again(self.tx, held, error)
            self.counts.failed_again(held.error, error, held.readable(), held.message_id)

    def _one(self, delivery: Delivery) -> None:
        message = delivery.message
        try:
            if isinstance(message, MalformedMessage):
                raise message
            if message.subject in self.blocked and not self._may_overtake(message):
                self._hold(delivery, None)
            elif not self.careful:
                self.applier.inbox(self.tx, message, self.sagas)
                self.counts.applied(message)
            else:
                with self.tx.savepoint():
                    self._apply_alone(message)
                self.counts.applied(message)
        except MalformedMessage as malformed:
            self._hold(delivery, malformed)
        except Exception as error:
            is_put_off = self.careful and self.hindrances.met(error)
            if not self.careful or (is_transient(error) and not is_put_off):
                raise
            self._hold(delivery, error, is_put_off)

    def _apply_alone(self, message: Incoming) -> Incoming:
        """Applies a message with what it needs of sagas, and returns it."""
        sagas = SagasInHand(self.tx)
        self.applier.inbox(self.tx, message, sagas)
        sagas.save()
        return message

    def _may_overtake(self, message: Incoming) -> bool:
        with self.tx.savepoint() if self.careful else nullcontext():
            return self._overtakes(message)

    def _overtakes(self, message: Incoming) -> bool:
        """Lets a compensation go past its own parked command and closes that."""
        step = step_of(message.body)
        if step is None or not step.endswith(COMPENSATION_SUFFIX):
            return False
        for held in parking.of_subject(self.tx, self.queue, message.subject):
            if step_of(held.body) == step.removesuffix(COMPENSATION_SUFFIX):
                parking.release(self.tx, held)
        # Read anew: another consumer may have applied, until now, what was held when the batch began.
        self.sagas.save()
        self.sagas = SagasInHand(self.tx)
        return True

    def _hold(self, delivery: Delivery, error: BaseException | None, is_put_off: bool = False) -> None:
        parking.hold(self.tx, self.queue, delivery, error, is_put_off)
        message = delivery.message
        if isinstance(message, Incoming) and not isinstance(error, MalformedMessage):
            self.blocked.add(message.subject)
        if is_put_off:
            self.counts.put_off(is_new=True)
        else:
            self.counts.held(error, message if isinstance(message, Incoming) else None, delivery.identity)

    def _enter(self, message_ids: Sequence[UUID]) -> psycopg.Cursor[tuple[UUID]]:
        """Writes the inbox rows; the result, not waited for here, says which of the messages were not there yet."""
        return self.tx.connection.execute(
            """INSERT INTO inbox (message_id) SELECT DISTINCT unnest(%s::uuid[])
               ON CONFLICT (message_id) DO NOTHING RETURNING message_id""",
            (list(message_ids),),
        )
