"""Counts what happened to the messages of a batch, and tells the monitoring system when that is certain."""

import logging
import time
from collections import Counter
from uuid import UUID

from infirmary.consumer import unhandled
from infirmary.consumer.failure import calls_of, describe, kept, line_of
from infirmary.consumer.sequence import NumberGivenOutTwice
from infirmary.consumer.series import OTHER, ChannelSeries
from infirmary.handlers import LeftToAnother
from infirmary.observing.json_logging import trace_id_of
from infirmary.transport.envelope import Incoming, unix_time

_logger = logging.getLogger(__name__)


class BatchCounts:
    """What a transaction did with its messages; nothing of it is known outside before `tell`.

    Attributes:
        hindered: How many were put off because of somebody's lock.
        for_another: How many were put off because another release is to apply them.
        closed: How many held ones were made void by the compensation of their step.
    """

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._applied: Counter[str] = Counter()
        self._passed: Counter[str] = Counter()
        self._written: list[object] = []
        self._failures: list[tuple[Incoming | None, UUID, BaseException]] = []
        self._parked: Counter[str] = Counter()
        self._duplicates = self._known_state = self._waiting = self._given_out_twice = 0
        self.hindered = self.for_another = self.closed = 0

    @property
    def held_messages(self) -> int:
        """How many were parked or have to wait."""
        return self._waiting + self._parked.total()

    @property
    def settled(self) -> int:
        """How many need nothing more."""
        return self._applied.total() + self._duplicates + self._known_state

    def applied(self, message: Incoming) -> None:
        """Counts a message that was applied."""
        self._applied[message.type] += 1
        self._written.append(message.time)

    def passed(self, message_type: str) -> None:
        """Counts an event of a type that nobody here handles; it is applied by doing nothing."""
        self._passed[message_type] += 1
        self._applied[OTHER] += 1

    def duplicate(self, *, is_state: bool = False) -> None:
        """Counts a message that had been applied before, or a state message of a subject that is known."""
        if is_state:
            self._known_state += 1
        else:
            self._duplicates += 1

    def held(self, error: BaseException | None, message: Incoming | None, identity: UUID) -> None:
        """Counts a message that is parked with its error, or waits without one; its error is told with the calls.

        Args:
            error: What it failed with.
            message: The message, if its attributes could be read.
            identity: Its id, or what stands for it.
        """
        if error is None:
            self._waiting += 1
        else:
            self._parked[message.type if message is not None else OTHER] += 1
            self._failures.append((message, identity, error))
            self._given_out_twice += isinstance(error, NumberGivenOutTwice)

    def put_off(self, error: BaseException, is_new: bool) -> None:
        """Counts a message that is another's for now, and is held since then or was held already."""
        if isinstance(error, LeftToAnother):
            self.for_another += 1
        else:
            self.hindered += 1
        self._waiting += is_new

    def failed_again(self, known: str | None, error: BaseException, message: Incoming | None, identity: UUID) -> None:
        """Notes that a parked message has failed again, which is told if it is another error than the one known."""
        if known is None or line_of(known) != describe(error):
            self._failures.append((message, identity, error))

    def tell(self, series: ChannelSeries) -> None:
        """Adds it all to the metrics of the channel and the log; to be called after the commit."""
        now = time.time()
        for message_type, count in self._applied.items():
            series.applied.get(message_type, series.applied[OTHER]).inc(count)
        written = [at for at in map(unix_time, self._written) if at is not None]
        ages_s = [max(now - at, 0.0) for at in written]
        series.end_to_end.observe_all(ages_s)
        if series.staleness is not None:
            series.staleness.observe_all(ages_s)
        for message_type, count in self._passed.items():
            unhandled.passed(series, message_type, count)
        for parked_type, count in self._parked.items():
            series.parked.get(parked_type, series.parked[OTHER]).inc(count)
        for counter, count in (
            (series.duplicates, self._duplicates),
            (series.early, self._waiting),
            (series.given_out_twice, self._given_out_twice),
        ):
            if count:
                counter.inc(count)
        failures, self._failures = self._failures, []
        for failure in failures:
            self._tell_failure(*failure)

    def _tell_failure(self, message: Incoming | None, identity: UUID, error: BaseException) -> None:
        """Writes one line with the last calls that led to the error; a message that cannot be read has none."""
        found_by = {
            "channel": self._channel,
            "message_id": str(identity),
            "correlation_id": message.correlation_id if message is not None else None,
            "trace_id": trace_id_of(message.traceparent) if message is not None else None,
        }
        calls = calls_of(kept(error))
        extra = found_by | ({"traceback": calls} if calls else {})
        what = message.type if message is not None else "a message"
        _logger.error("%s %s of %s is parked: %s", what, identity, self._channel, describe(error), extra=extra)
