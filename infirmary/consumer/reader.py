"""Reads one log: becomes its only reader, makes sure it is the log that it knows, and applies what comes."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from infirmary.consumer.applying import Applier
from infirmary.consumer.broker import was_ended_by_a_log
from infirmary.consumer.delivery import Delivery, is_behind_a_gap, unbroken
from infirmary.consumer.lag import Lag
from infirmary.consumer.log_broker import LogBroker, LogSubscription
from infirmary.consumer.loss import Loss
from infirmary.consumer.position import Position, recognise, recognise_end
from infirmary.consumer.progress import Progress
from infirmary.consumer.series import show_nothing_of
from infirmary.consumer.store import Positions, ReaderReplaced
from infirmary.consumer.unreadable import Unreadable, Unreadables
from infirmary.observing import metrics
from infirmary.transport.envelope import Incoming
from infirmary.transport.log_names import parsed

_logger = logging.getLogger(__name__)

PREFETCH = 300
LOOK_AGAIN_S = 1.0
"""How often a standby tries to become the reader, and a silent log is looked at."""

SUSPICIOUS_SILENCE_S = 2.0
"""A log that does not even deliver the message known to be in it may have been replaced."""

EMPTY_LOG_S = 10.0
"""After this time without a single message a log is taken to be empty, and so a new one."""


class LogReader:
    """One log of another service, or one part of it.

    Attributes:
        is_owned: Whether this process is the one that may read the log, be there anything to read or not.
        parts: Into how many parts its writer splits the log, as far as its messages have told.
    """

    def __init__(
        self,
        log_name: str,
        positions: Positions,
        applier: Applier,
        broker: LogBroker,
        batch_messages: int,
        unreadables: Unreadables,
    ) -> None:
        self.name = log_name
        self.is_owned, self.parts = False, 1
        self._positions, self._applier, self._broker = positions, applier, broker
        self._batch_messages, self._of_commands = batch_messages, parsed(log_name).of_commands
        self._unreadables, self._lag = unreadables, Lag(log_name, broker)
        self.subscription: LogSubscription | None = None
        self._progress = Progress()
        self._position = Position()
        self._recognised = False
        self._sure_behind: int | None = None
        self._subscribed_at = 0.0
        self._look_again_at = 0.0
        self._silence_since = 0.0
        applier.show_series(log_name)

    @property
    def is_active(self) -> bool:
        """Whether this process is the one that reads the log."""
        return self.subscription is not None

    @property
    def is_caught_up(self) -> bool:
        """Whether this process reads the log and knows of nothing in it that was not applied."""
        return self.is_active and self._lag.is_caught_up

    def tend(self, stored_offsets: Mapping[str, int | None]) -> None:
        """Tries to start reading, or makes sure of a log that is suspiciously silent.

        Raises:
            ReaderReplaced: The stored offset is not where this reader left it: another one has read on, or a person has
                emptied the table so that the log is read anew.
        """
        now = time.monotonic()
        if self.subscription is not None and stored_offsets.get(self.name, -1) != self._position.last_offset:
            raise ReaderReplaced(f"{self.name}: the stored offset is no longer {self._position.last_offset}")
        if now < self._look_again_at:
            return
        self._look_again_at = now + LOOK_AGAIN_S
        if self.subscription is None:
            self._own()
            if self.is_owned and self._unreadables.may_look(self.name):
                self._position = self._positions.read(self.name)
                self._silence_since = now
                self._subscribe()
        elif (
            not self._recognised
            and self._position.last_offset is not None
            and now - self._subscribed_at > SUSPICIOUS_SILENCE_S
        ):
            self._look_at_the_end(now)
        elif self._recognised or self._position.last_offset is None:
            self._lag.look()
        if self.subscription is not None:
            self._progress.seen(self._position.last_offset, self._lag.end, self._applier.holds(self.name), now)

    def know_loss(self, loss: Loss | None) -> None:
        """Takes in what is lost of the log by now: an operator may have settled it."""
        if self.is_owned:
            self._position = replace(self._position, loss=loss)
        metrics.LOST.labels(self.name).set(loss.messages if loss is not None and self.is_owned else 0)

    def know_forgotten(self, before: datetime | None) -> None:
        """Takes in before when ended subjects of the log may have been forgotten by now."""
        if self.is_owned and before is not None:
            self._position = replace(self._position, forgotten_before=before)

    def standing_s(self) -> float:
        """Returns for how long the log has had more while its offset stood still; 0 when it gets on."""
        return self._progress.standing_s(time.monotonic())

    def read_of(self) -> tuple[int, int]:
        """Returns how many of the log's messages are applied, and how many it has, as far as that is known."""
        first, last = self._position.first_offset or 0, self._position.last_offset
        applied = 0 if last is None else max(last + 1 - first, 0)
        if self._lag.is_caught_up:
            return applied, applied
        return applied, applied + 1 if self._lag.end is None else max(self._lag.end + 1 - first, applied)

    def let_go(self) -> None:
        """Leaves the log to another reader; what was applied is committed, what only came is forgotten here."""
        if self.is_owned:
            _logger.info("%s is left to another reader", self.name)
            self._close()
            show_nothing_of(self.name)
        self.is_owned = False
        self._unreadables.forget(self.name)
        self._positions.let_go(self.name)

    def stop(self) -> None:
        """Notes that the session ends: others may read the log from now on."""
        self.is_owned = False
        show_nothing_of(self.name)

    def work(self) -> bool:
        """Applies what has come, one batch. Returns whether there was something."""
        if self.subscription is None:
            return False
        try:
            deliveries = self.subscription.take(self._batch_messages)
        except Unreadable as odd:
            self._cannot_read(odd)
            return False
        if not deliveries:
            self._found_nothing()
            return False
        fresh = deliveries if self._recognised else self._recognise(deliveries)
        for run in unbroken(fresh):
            if self._may_have_lost_some(run[0]):
                self._close()
                self._subscribe()  # where it stopped: what comes first tells whether what is missing has expired
                return True
            self._position = self._applier.apply(self.name, run, self._position)
            self.parts = max(self.parts, run[-1].parts)
            self._settle(run)
        if self._recognised and self.subscription is not None:
            self.subscription.acknowledge(deliveries[-1])
            self._lag.applied(deliveries[-1], all_taken=not self.subscription.waiting)
        return True

    def retry_held(self, at_most: int, until: float) -> int:
        """Tries what is parked or waits and is due. Returns how many need nothing more.

        Args:
            at_most: So many of those that have failed before.
            until: And of those none after this, by the monotonic clock, but for the first.
        """
        return self._applier.retry(self.name, self._position, at_most, until) if self.is_owned else 0

    def _own(self) -> None:
        owned, self.is_owned = self.is_owned, self._positions.own(self.name)
        if self.is_owned and not owned:
            self._applier.begin(self.name)
            self._position = self._positions.read(self.name)

    def _found_nothing(self) -> None:
        if self.subscription is not None and self.subscription.cancelled:
            self._cannot_read(Unreadable("missing", "the log was deleted, or the broker has moved it"))
        elif self._recognised or self._position.last_offset is None:
            self._lag.nothing_came()

    def _subscribe(self) -> None:
        last = self._position.last_offset
        self._recognised = False
        self._subscribed_at = time.monotonic()
        try:
            self.subscription = self._broker.subscribe(self.name, PREFETCH, "first" if last is None else last)
        except Unreadable as odd:
            self._unreadables.failed(self.name, odd)
        except Exception as error:
            if was_ended_by_a_log(error):  # the next session must not end by the same one
                self._unreadables.failed(self.name, Unreadable("failing", str(error)))
            raise
        else:
            self._unreadables.reads(self.name)
            self._lag.begin(last)
            metrics.POSITION.labels(self.name).set(last or 0)

    def _cannot_read(self, odd: Unreadable) -> None:
        self._close()
        self._unreadables.failed(self.name, odd)

    def _close(self) -> None:
        if self.subscription is not None:
            self.subscription.close()
            self.subscription = None
        self._lag.stop()
        self._progress.forget()
        for gauge in (metrics.LAG, metrics.CAUGHT_UP, metrics.READER_ACTIVE, metrics.STALLED_SINCE):
            gauge.labels(self.name).set(0)

    def _recognise(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Looks at the first message after a subscription. Returns those to be applied."""
        first = deliveries[0]
        offset = first.offset or 0
        verdict = recognise(self._position, offset, first.identity)
        if verdict == "start over":
            self._start_over(f"at offset {offset} there is {first.identity}, not {self._position.last_message_id}")
            return []
        self._recognised = True
        self._sure_behind = self._position.last_offset
        if self._position.last_offset is None:
            self._position = self._position.begun_at(offset, first.written)
        elif (expired := offset - self._position.last_offset - 1) > 0:
            _logger.error(
                "%s: %d messages before offset %d had expired before they were read", self.name, expired, offset
            )
            metrics.EXPIRED.labels(self.name).inc(expired)
            if self._of_commands:  # sagas ask again for what is gone; nothing of theirs waits for it
                self._positions.forget_subjects(self.name)
                self._position = self._position.begun_at(offset, first.written)
            else:
                loss = self._positions.note_loss(self.name, Loss(expired, first.written))
                self._position = replace(self._position, loss=loss)
        return deliveries[1:] if verdict == "known" else deliveries

    def _may_have_lost_some(self, following: Delivery) -> bool:
        """Says whether retention may have taken messages under a slow subscription."""
        last = self._position.last_offset
        return last is not None and last != self._sure_behind and is_behind_a_gap(last, following)

    def _settle(self, applied: Sequence[Delivery]) -> None:
        """Forgets a loss when its log's writer has told all of its state again, and that is applied."""
        loss = self._position.loss
        messages = [each.message for each in applied] if loss is not None else []
        if loss is not None and any(isinstance(each, Incoming) and loss.is_settled_by(each) for each in messages):
            self._positions.settle_loss(self.name)
            self._position = replace(self._position, loss=None)
            _logger.info("%s: its writer has told its state again; what had expired unread is made up for", self.name)

    def _look_at_the_end(self, now: float) -> None:
        try:
            probe = self._broker.subscribe(self.name, PREFETCH, "end")
        except Unreadable as odd:
            self._cannot_read(odd)
            return
        self._broker.wait(LOOK_AGAIN_S)
        end = probe.newest
        probe.close()
        if end is not None:
            self._lag.saw(end)
        if end is None and now - self._silence_since > EMPTY_LOG_S:
            self._start_over("the log is empty")
        elif end is not None and recognise_end(self._position, end) == "start over":
            self._start_over(f"the log ends at {end}, before {self._position.last_offset}")

    def _start_over(self, why: str) -> None:
        _logger.warning("%s is not the log that was read: %s; reading it from its first message", self.name, why)
        metrics.STARTED_OVER.labels(self.name).inc()
        self._close()
        complete_since = None
        if self._of_commands:  # what had not been read of the old log is gone
            self._positions.forget_subjects(self.name)
            complete_since = datetime.now(UTC)
        self._position = self._positions.start_over(self.name, complete_since)
        self._subscribe()
