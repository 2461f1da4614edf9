"""Applies a batch of a log's events: their effects are written first, then what is known of their subjects.

A crash between the two repeats the batch, and each effect finds itself done.
"""

from collections.abc import Iterable, Sequence

from pymongo import UpdateOne

from services.chassis import metrics
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.sequence import Sequences, Subject, Verdict
from services.chassis.envelope import Incoming, MalformedMessage
from services.chassis.log_parts import publisher_of
from services.chassis.mongo.effects import Effects
from services.chassis.mongo.parking import Held, HeldMessages
from services.chassis.mongo.storage import MongoDatabase, is_transient

RETRIED_AT_ONCE = 100


class LogBatch:
    """One batch of work on one log."""

    def __init__(
        self,
        database: MongoDatabase,
        held: HeldMessages,
        effects: Effects,
        careful: bool,
        beginning_expired: bool,
    ) -> None:
        """Prepares the work.

        Args:
            database: The service's database.
            held: The held messages of the log.
            effects: What the service does with events; doing it again has no effect.
            careful: Whether each effect is written alone, so that the one that fails can be told from the others.
            beginning_expired: Whether the log's first messages were gone when it was read from its beginning.
        """
        self._known, self._held, self._effects, self._careful = database["log_sequence"], held, effects, careful
        self._log = held.channel
        self._publisher = publisher_of(self._log)
        self._sequences = Sequences({}, beginning_expired)
        self._changed: set[Subject] = set()

    def apply(self, deliveries: Sequence[Delivery]) -> int:
        """Applies the deliveries in their order. Returns how many had to be held."""
        messages = [delivery.message for delivery in deliveries]
        self._load(message.subject for message in messages if isinstance(message, Incoming))
        held = sum(not self._settle_or_hold(delivery) for delivery in deliveries)
        self._effects.write()
        self._save()
        return held

    def retry(self) -> int:
        """Tries held events whose turn has come. Returns how many were applied or found to be duplicates."""
        settled: list[Held] = []
        due = list(self._held.due_in_log())
        self._load(held.subject for held in due)
        for held in due:
            if len(settled) == RETRIED_AT_ONCE:
                break
            if (held.error is not None or not self._still_waits(held)) and self._settle_held(held):
                settled.append(held)
        self._save()
        for held in settled:
            self._held.release(held)
        return len(settled)

    def _settle_or_hold(self, delivery: Delivery) -> bool:
        error: Exception | None = None
        try:
            if self._judge_and_apply(delivery.message) is not Verdict.WAIT:
                return True
        except Exception as raised:  # whatever a handler raises is kept with its message
            if is_transient(raised):
                raise
            error = raised
        self._hold(delivery, error)
        return False

    def _settle_held(self, held: Held) -> bool:
        message = self._held.message(held)
        if message is None:
            return False
        try:
            return self._judge_and_apply(message) is not Verdict.WAIT
        except Exception as raised:  # as above
            if is_transient(raised):
                raise
            self._held.failed_again(held, raised)
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
            metrics.APPLIED.labels(self._log, message.type).inc()
        elif verdict is Verdict.DUPLICATE:
            metrics.DUPLICATES.labels(self._log).inc()
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
        (metrics.WAITING if error is None else metrics.PARKED).labels(self._log).inc()

    def _note(self, subject: Subject, sequence: int) -> None:
        self._sequences.applied(subject, sequence)
        self._changed.add(subject)

    def _load(self, subjects: Iterable[str]) -> None:
        wanted = {"source": self._publisher, "subject": {"$in": list(set(subjects))}}
        found = self._known.find(wanted, {"_id": False})
        self._sequences.last = {Subject(each["source"], each["subject"]): each["last"] for each in found}

    def _save(self) -> None:
        """Notes what was applied; never less than is known, so that a reader which was replaced spoils nothing."""
        if self._changed:
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
