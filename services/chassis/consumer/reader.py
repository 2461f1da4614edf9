"""Reads one log: becomes its only reader, makes sure it is the log that it knows, and applies what comes."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace

from services.chassis import metrics
from services.chassis.consumer.broker import Broker, Subscription
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.ledger import Ledger, ReaderReplaced
from services.chassis.consumer.position import Position, recognise, recognise_end

log = logging.getLogger(__name__)

PREFETCH = 300
LOOK_AGAIN_S = 1.0
"""How often a standby tries to become the reader, and a log that is missing is looked for."""

SUSPICIOUS_SILENCE_S = 2.0
"""A log that does not even deliver the message known to be in it may have been replaced."""

EMPTY_LOG_S = 10.0
"""After this time without a single message a log is taken to be empty, and so a new one."""


class LogReader:
    """One log of another service, or one part of it."""

    def __init__(self, log_name: str, ledger: Ledger, broker: Broker, batch_messages: int) -> None:
        self.name = log_name
        self._ledger, self._broker, self._batch_messages = ledger, broker, batch_messages
        self.subscription: Subscription | None = None
        self._position = Position()
        self._recognised = False
        self._subscribed_at = 0.0
        self._look_again_at = 0.0
        self._silence_since = 0.0

    @property
    def is_active(self) -> bool:
        """Whether this process is the one that reads the log."""
        return self.subscription is not None

    def tend(self, stored_offsets: Mapping[str, int | None]) -> None:
        """Tries to start reading, or makes sure of a log that is suspiciously silent.

        Raises:
            ReaderReplaced: The stored offset is not where this reader left it: another one has read on, or a person has
                emptied the table so that the log is read anew.
        """
        now = time.monotonic()
        if self.is_active and stored_offsets.get(self.name, -1) != self._position.last_offset:
            raise ReaderReplaced(f"{self.name}: the stored offset is no longer {self._position.last_offset}")
        if now < self._look_again_at:
            return
        self._look_again_at = now + LOOK_AGAIN_S
        if self.subscription is None:
            if self._ledger.own(self.name):
                self._position = self._ledger.position(self.name)
                self._silence_since = now
                self._subscribe()
        elif (
            not self._recognised
            and self._position.last_offset is not None
            and now - self._subscribed_at > SUSPICIOUS_SILENCE_S
        ):
            self._look_at_the_end(now)

    def let_go(self) -> None:
        """Leaves the log to another reader; what was applied is committed, what only came is forgotten here."""
        if self.subscription is not None:
            log.info("%s is left to another reader", self.name)
            self.subscription.close()
            self.subscription = None
            for gauge in (metrics.HELD, metrics.MISSING, metrics.POSITION):  # another process shows them from now on
                gauge.labels(self.name)
                gauge.remove(self.name)
        self._ledger.let_go(self.name)

    def work(self) -> bool:
        """Applies what has come, one batch. Returns whether there was something."""
        if self.subscription is None:
            return False
        deliveries = self.subscription.take(self._batch_messages)
        if not deliveries:
            return False
        fresh = deliveries if self._recognised else self._recognise(deliveries)
        if fresh:
            self._position = self._ledger.apply_log(self.name, fresh, self._position)
        if self._recognised:
            self.subscription.acknowledge(deliveries[-1])
        return True

    def _subscribe(self) -> None:
        last = self._position.last_offset
        self.subscription = self._broker.subscribe(self.name, PREFETCH, "first" if last is None else last)
        self._recognised = False
        self._subscribed_at = time.monotonic()

    def _recognise(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Looks at the first message after a subscription. Returns those to be applied."""
        first = deliveries[0]
        offset = first.offset or 0
        verdict = recognise(self._position, offset, first.identity)
        if verdict == "start over":
            self._start_over(f"at offset {offset} there is {first.identity}, not {self._position.last_message_id}")
            return []
        self._recognised = True
        if self._position.last_offset is None:
            self._position = replace(self._position, first_offset=offset)
        return deliveries[1:] if verdict == "known" else deliveries

    def _look_at_the_end(self, now: float) -> None:
        probe = self._broker.subscribe(self.name, PREFETCH, "last")
        if probe is None:
            return
        self._broker.wait(LOOK_AGAIN_S)
        end = max((delivery.offset or 0 for delivery in probe.waiting), default=None)
        probe.close()
        if end is None and now - self._silence_since > EMPTY_LOG_S:
            self._start_over("the log is empty")
        elif end is not None and recognise_end(self._position, end) == "start over":
            self._start_over(f"the log ends at {end}, before {self._position.last_offset}")

    def _start_over(self, why: str) -> None:
        log.warning("%s is not the log that was read: %s; reading it from its first message", self.name, why)
        metrics.STARTED_OVER.labels(self.name).inc()
        if self.subscription is not None:
            self.subscription.close()
        self._position = self._ledger.start_over(self.name)
        self._subscribe()
