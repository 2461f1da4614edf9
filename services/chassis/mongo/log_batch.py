"""Applies a batch of a log's events: their effects are written first, then what is known of their subjects.

A crash between the two repeats the batch, and each effect finds itself done.
"""

import time
from collections.abc import Iterable, Sequence

from pymongo import UpdateOne

from services.chassis.consumer.batch_counts import BatchCounts
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.parking import EVENTS_LOOKED_AT_ONCE, LOOKED_AT_ONCE
from services.chassis.consumer.sequence import Sequences, Subject, Verdict
from services.chassis.envelope import Incoming, MalformedMessage
from services.chassis.log_parts import publisher_of
from services.chassis.mongo.effects import Effects
from services.chassis.mongo.parking import Held, HeldMessages
from services.chassis.mongo.storage import MongoDatabase, is_transient


class LogBatch:
    """One batch of work on one log.

    Attributes:
        counts: What it has done; certain when the offset has moved behind it.
    """

    def __init__(
        self,
        database: MongoDatabase,
        held: HeldMessages,
        effects: Effects,
        careful: bool,
        beginning_expired: bool,
        some_held: bool,
    ) -> None:
        """Prepares the work.

        Args:
            database: The service's database.
            held: The held messages of the log.
            effects: What the service does with events; doing it again has no effect.
            careful: Whether each effect is written alone, so that the one that fails can be told from the others.
            beginning_expired: Whether the log's first messages were gone when it was read from its beginning.
            some_held: Whether there may be events that wait for one that is applied here.
        """
        self._known, self._held, self._effects, self._careful = database["log_sequence"], held, effects, careful
        self._log = held.channel
        self._publisher = publisher_of(self._log)
        self._sequences = Sequences({}, beginning_expired)
        self._changed: set[Subject] = set()
        self._some_held = some_held
        self.counts = BatchCounts(self._log)

    def apply(self, deliveries: Sequence[Delivery]) -> None:
        """Applies the deliveries in their order."""
        messages = [delivery.message for delivery in deliveries]
        self._load(message.subject for message in messages if isinstance(message, Incoming))
        for delivery in deliveries:
            self._settle_or_hold(delivery)
        self._effects.write()
        self._save()

    def retry(self, at_most: int, until: float) -> None:
        """Tries held events whose turn has come.

        Args:
            at_most: So many of those that have failed before.
            until: And of those none after this, by the monotonic clock, but for the first.
        """
        settled: list[Held] = []
        early: list[Held] = []
        waited, failed = self._held.due(EVENTS_LOOKED_AT_ONCE, at_most)
        due = failed[:at_most] + sorted(waited, key=lambda held: (held.sequence or 0, held.id))
        self._load(held.subject for held in due)
        failed_before = 0
        for held in due:
            if len(settled) == LOOKED_AT_ONCE:
                break
            if held.error is None and self._still_waits(held):
                early.append(held)
                continue
            if held.error is not None:
                if failed_before and time.monotonic() >= until:
                    continue
                failed_before += 1
            if self._settle_held(held):
                settled.append(held)
        self._save()
        for held in settled:
            self._held.release(held)
        if len(waited) + len(failed) >= EVENTS_LOOKED_AT_ONCE:
            self._held.put_off_early(early)

    def _settle_or_hold(self, delivery: Delivery) -> None:
        error: Exception | None = None
        try:
            if self._judge_and_apply(delivery.message) is not Verdict.WAIT:
                return
        except Exception as raised:  # whatever a handler raises is kept with its message
            if is_transient(raised):
                raise
            error = raised
        self._hold(delivery, error)

    def _settle_held(self, held: Held) -> bool:
        message = None
        try:
            message = self._held.message(held)
            return message is not None and self._judge_and_apply(message) is not Verdict.WAIT
        except Exception as raised:  # as above
            if is_transient(raised):
                raise
            self._held.failed_again(held, raised)
            self.counts.failed_again(held.error, raised, message, held.message_id)
            return False

    def _judge_and_apply(self, message: Incoming | MalformedMessage) -> Verdict:
        if isinstance(message, MalformedMessage):
            raise message
        if message.source != self._publisher or message.sequence is None:
            raise MalformedMessage(f"an event in {self._log} must have source {self._publisher} and a sequence")
        subject = Subject(message.source, message.subject)
        verdict = self._sequences.judge(subject, message.sequence)
        if verdict is Verdict.APPLY:
            self._effects.apply(message)
            if self._careful:
                self._effects.write()
            self._note(subject, message.sequence)
            if self._effects.handles(message):
                self.counts.applied(message)
            else:
                self.counts.passed(message.type)
        elif verdict is Verdict.DUPLICATE:
            self.counts.duplicate()
        return verdict

    def _still_waits(self, held: Held) -> bool:
        subject = Subject(self._publisher, held.subject)
        return held.sequence is not None and self._sequences.judge(subject, held.sequence) is Verdict.WAIT

    def _hold(self, delivery: Delivery, error: Exception | None) -> None:
        self._held.hold(delivery, error)
        message = delivery.message
        if isinstance(message, Incoming) and message.source == self._publisher and message.sequence:
            subject = Subject(message.source, message.subject)
            if self._sequences.is_first_of_expired(subject):
                self._note(subject, message.sequence - 1)  # what follows has to wait for this one
        self.counts.held(error, message if isinstance(message, Incoming) else None, delivery.identity)

    def _note(self, subject: Subject, sequence: int) -> None:
        self._sequences.applied(subject, sequence)
        self._changed.add(subject)

    def _load(self, subjects: Iterable[str]) -> None:
        wanted = {"source": self._publisher, "subject": {"$in": list(set(subjects))}}
        found = self._known.find(wanted, {"_id": False})
        self._sequences.last = {Subject(each["source"], each["subject"]): each["last"] for each in found}

    def _save(self) -> None:
        """Notes what was applied; never less than is known, so that a reader which was replaced spoils nothing."""
        if not self._changed:
            return
        self._known.bulk_write(
            [
                UpdateOne(
                    {"source": subject.source, "subject": subject.subject},
                    {"$max": {"last": self._sequences.last[subject]}},
                    upsert=True,
                )
                for subject in sorted(self._changed)
            ],
            ordered=False,
        )
        if self._some_held:
            self._held.wake_after({subject: self._sequences.last[subject] for subject in self._changed})
