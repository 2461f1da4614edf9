"""How far a reader is behind the end of its log: told at the end by silence, before it by a look now and then."""

import time
from datetime import UTC, datetime
from typing import Final

from services.chassis import metrics
from services.chassis.consumer.broker import Broker
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.subscription import Subscription
from services.chassis.consumer.unreadable import Unreadable

LOOK_EVERY_S: Final = 10.0
_PREFETCH: Final = 300

_SILENCE_S: Final = 0.2
"""A log of which nothing has come for so long, although everything that came was taken in, has been read to its end."""

_FRESH_S: Final = 2.0
"""So has one whose last message was written only just now."""


class Lag:
    """What is told of one log's lag. Where this process is not the reader all of it is 0, so that a sum is right."""

    def __init__(self, log: str, broker: Broker) -> None:
        self._log, self._broker = log, broker
        self._behind, self._caught_up_at = metrics.LAG.labels(log), metrics.CAUGHT_UP.labels(log)
        self._active = metrics.READER_ACTIVE.labels(log)
        self._probe: Subscription | None = None
        self._end: int | None = None
        self._look_at = self._came_at = 0.0
        self._emptied = 0
        self.end()

    def begin(self) -> None:
        """Notes that this process reads the log from here on."""
        self._active.set(1)
        self._look_at = time.monotonic()
        self._came()

    def end(self) -> None:
        """Notes that it does not."""
        self._close()
        self._end = None
        for gauge in (self._active, self._behind, self._caught_up_at):
            gauge.set(0)

    def applied(self, last: Delivery, all_taken: bool) -> None:
        """Notes the last message applied, and whether nothing that came waits behind it."""
        self._came()
        if all_taken and _is_fresh(last.properties.get("timestamp")):
            self._is_caught_up()
        elif self._end is not None:
            self._behind.set(max(self._end - (last.offset or 0), 0))

    def nothing_came(self) -> None:
        """Notes that there was nothing to apply."""
        silent_s = time.monotonic() - self._came_at
        if silent_s >= _SILENCE_S and self._broker.times_emptied > self._emptied:
            self._is_caught_up()

    def look(self, applied: int | None) -> None:
        """Once a turn: takes in what is known of the end, and looks for it if it has not been reached for long."""
        if self._probe is not None and self._probe.waiting:
            self._end = max(delivery.offset or 0 for delivery in self._probe.waiting)
            self._behind.set(max(self._end - (-1 if applied is None else applied), 0))
            self._close()
        elif self._probe is None and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_EVERY_S
            try:
                self._probe = self._broker.subscribe(self._log, _PREFETCH, "last")
            except Unreadable:
                return  # its reader will be told

    def _came(self) -> None:
        self._came_at, self._emptied = time.monotonic(), self._broker.times_emptied

    def _is_caught_up(self) -> None:
        self._close()
        self._end, self._look_at = None, time.monotonic() + LOOK_EVERY_S
        self._behind.set(0)
        self._caught_up_at.set(time.time())

    def _close(self) -> None:
        if self._probe is not None:
            self._probe.close()
            self._probe = None


def _is_fresh(written_at: object) -> bool:
    if not isinstance(written_at, datetime):
        return False
    aware = written_at if written_at.tzinfo is not None else written_at.replace(tzinfo=UTC)
    return (datetime.now(UTC) - aware).total_seconds() < _FRESH_S
