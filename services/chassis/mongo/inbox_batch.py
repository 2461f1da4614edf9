"""Applies a batch of commands: each one's document is its inbox row, its effect and its reply in one write."""

import time
from collections.abc import Callable, Sequence
from uuid import UUID

from services.chassis.consumer.applying import step_of
from services.chassis.consumer.batch_counts import BatchCounts
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.parking import LOOKED_AT_ONCE
from services.chassis.envelope import Incoming, MalformedMessage
from services.chassis.messages import COMPENSATION_SUFFIX
from services.chassis.mongo.parking import Held, HeldMessages
from services.chassis.mongo.storage import is_transient


class InboxBatch:
    """One batch of work on the service's inbox queue.

    Attributes:
        counts: What it has done so far; each command is a commit of its own, so all of it is certain.
    """

    def __init__(
        self,
        held: HeldMessages,
        apply_command: Callable[[Incoming], bool],
        apply_first: Callable[[Sequence[Incoming]], set[UUID]],
        some_held: bool,
    ) -> None:
        """Prepares the work.

        Args:
            held: The held messages of the queue.
            apply_command: Applies a message; returns False if it had been applied before.
            apply_first: Applies messages of different subjects in one write, as far as that goes; returns the ids of
                those that are applied.
            some_held: Whether there may be held messages that later ones of their subject must not overtake.
        """
        self._held, self._some_held = held, some_held
        self._apply_command, self._apply_first = apply_command, apply_first
        self.counts = BatchCounts(held.channel)
        self._blocked: set[str] = set()

    def apply(self, deliveries: Sequence[Delivery]) -> None:
        """Applies the deliveries in their order."""
        if self._some_held:
            deliveries = self._not_held_yet(deliveries)
            subjects = {delivery.message.subject for delivery in deliveries if isinstance(delivery.message, Incoming)}
            self._blocked = self._held.subjects(subjects)
        for delivery in self._not_settled_together(deliveries):
            self._settle_or_hold(delivery)

    def retry(self, at_most: int, until: float) -> None:
        """Tries held messages whose turn has come.

        Args:
            at_most: So many of those that have failed before.
            until: And of those none after this, by the monotonic clock, but for the first.
        """
        failed_before, blocked = 0, []
        waited, failed = self._held.due(LOOKED_AT_ONCE, at_most)
        for held in failed + sorted(waited, key=lambda held: held.id):  # what is settled may free one behind it
            if held.error is not None and (failed_before == at_most or (failed_before and time.monotonic() >= until)):
                continue
            if self._held.is_blocked(held):
                blocked.append(held)
            else:
                failed_before += held.error is not None
                self._retry(held)
        self._held.put_off_blocked(blocked)

    def _retry(self, held: Held) -> None:
        message = None
        try:
            message = self._held.message(held)
            if message is None:
                return
            self._apply(message)
        except Exception as raised:  # whatever a handler raises is kept with its message
            if is_transient(raised):
                raise
            self._held.failed_again(held, raised)
            self.counts.failed_again(held.error, raised, message, held.message_id)
        else:
            self._held.release(held)

    def _not_held_yet(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        known = self._held.known(delivery.identity for delivery in deliveries)
        self.counts.duplicate(sum(delivery.identity in known for delivery in deliveries))
        return [delivery for delivery in deliveries if delivery.identity not in known]

    def _not_settled_together(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Applies the first message of each subject, all of them in one write; returns those left to be done alone.

        A message that is alone is left, too: to look first what can be done together would only make it later.
        """
        first: dict[str, Incoming] = {}
        for delivery in deliveries:
            message = delivery.message
            if isinstance(message, Incoming) and message.subject not in self._blocked:
                first.setdefault(message.subject, message)
        if len(first) < 2:
            return list(deliveries)
        applied = self._apply_first(list(first.values()))
        settled = [message for message in first.values() if message.message_id in applied]
        for message in settled:
            self.counts.applied(message)
        done = {id(message) for message in settled}
        return [delivery for delivery in deliveries if id(delivery.message) not in done]

    def _settle_or_hold(self, delivery: Delivery) -> None:
        message, error = delivery.message, None
        try:
            if isinstance(message, MalformedMessage):
                raise message
            if message.subject not in self._blocked or self._overtakes(message):
                self._apply(message)
                return
        except Exception as raised:  # as above
            if is_transient(raised):
                raise
            error = raised
        self._hold(delivery, error)

    def _apply(self, message: Incoming) -> None:
        if self._apply_command(message):
            self.counts.applied(message)
        else:
            self.counts.duplicate()

    def _overtakes(self, message: Incoming) -> bool:
        """Lets a compensation go past its own parked command and closes that."""
        step = step_of(message.body)
        if step is None or not step.endswith(COMPENSATION_SUFFIX):
            return False
        for held in self._held.of_subject(message.subject):
            parked = self._held.message(held)
            if parked is not None and step_of(parked.body) == step.removesuffix(COMPENSATION_SUFFIX):
                self._held.release(held)
        return True

    def _hold(self, delivery: Delivery, error: Exception | None) -> None:
        self._held.hold(delivery, error)
        message = delivery.message
        if isinstance(message, Incoming) and not isinstance(error, MalformedMessage):
            self._blocked.add(message.subject)
        self.counts.held(error, message if isinstance(message, Incoming) else None, delivery.identity)
