"""Counts what happened to the messages of a batch, and tells the monitoring system when that is certain."""

import logging
from collections import Counter

from services.chassis import metrics
from services.chassis.consumer import unhandled
from services.chassis.consumer.failure import describe, line_of
from services.chassis.envelope import MalformedMessage

log = logging.getLogger(__name__)


class BatchCounts:
    """What a transaction did with its messages; nothing of it is known outside before `tell`.

    Attributes:
        hindered: How many were put off because of somebody's lock.
    """

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._applied: Counter[str] = Counter()
        self._passed: Counter[str] = Counter()
        self._failures: list[tuple[str, BaseException]] = []
        self._duplicates = self._waiting = self._parked = 0
        self.hindered = 0

    @property
    def held_messages(self) -> int:
        """How many were parked or have to wait."""
        return self._waiting + self._parked

    @property
    def settled(self) -> int:
        """How many need nothing more."""
        return self._applied.total() + self._duplicates

    def applied(self, message_type: str) -> None:
        """Counts a message that was applied."""
        self._applied[message_type] += 1

    def passed(self, message_type: str) -> None:
        """Counts an event of a type that nobody here handles; it is applied by doing nothing."""
        self._passed[message_type] += 1
        self.applied(unhandled.OTHER)

    def duplicate(self, count: int = 1) -> None:
        """Counts messages that had been applied before."""
        self._duplicates += count

    def held(self, error: BaseException | None, message_type: str | None = None) -> None:
        """Counts a message that is parked with its error, or waits without one; its error is told with the calls."""
        if error is None:
            self._waiting += 1
        else:
            self._parked += 1
            self._failures.append((message_type or "a message", error))

    def put_off(self, is_new: bool) -> None:
        """Counts a message that has met somebody's lock, and is held since then or was held already."""
        self.hindered += 1
        self._waiting += is_new

    def failed_again(self, known: str | None, error: BaseException, message_type: str | None) -> None:
        """Notes that a parked message has failed again, which is told if it is another error than the one known."""
        if known is None or line_of(known) != describe(error):
            self._failures.append((message_type or "a message", error))

    def tell(self) -> None:
        """Adds it all to the metrics and the log; to be called after the commit."""
        for message_type, count in self._applied.items():
            metrics.APPLIED.labels(self._channel, message_type).inc(count)
        for message_type, count in self._passed.items():
            unhandled.passed(self._channel, message_type, count)
        counted = ((metrics.DUPLICATES, self._duplicates), (metrics.WAITING, self._waiting))
        for metric, count in (*counted, (metrics.PARKED, self._parked)):
            if count:
                metric.labels(self._channel).inc(count)
        failures, self._failures = self._failures, []
        for what, error in failures:
            calls = None if isinstance(error, MalformedMessage) else error
            log.error("%s of %s is parked: %s", what, self._channel, describe(error), exc_info=calls)
