"""The distance of a reader from the end of its log: at the end nothing comes, before it a look is taken now and then.

Silence alone could be that of a subscription to which nothing is delivered any more; so the end is looked for then,
too, only more rarely.
"""

import time
from typing import Final

from infirmary.consumer.delivery import Delivery
from infirmary.consumer.log_broker import LogBroker, LogSubscription
from infirmary.consumer.unreadable import Unreadable
from infirmary.observing import metrics
from infirmary.transport.envelope import Incoming, unix_time

LOOK_EVERY_S: Final = 10.0
LOOK_IN_SILENCE_EVERY_S: Final = 20.0
_PREFETCH: Final = 300

_SILENCE_S: Final = 0.2
"""A log of which nothing has come for so long, although everything that came was taken in, has been read to its end."""

_FRESH_S: Final = 2.0
"""So has one whose last message was written only just now."""


class Lag:
    """What is told of one log's lag. Where this process is not the reader all of it is 0, so that a sum is right.

    Attributes:
        end: The greatest offset that the log is known to have; None before it was looked for.
    """

    def __init__(self, log: str, broker: LogBroker) -> None:
        self._log, self._broker = log, broker
        self._behind, self._caught_up_at = metrics.LAG.labels(log), metrics.CAUGHT_UP.labels(log)
        self._active = metrics.READER_ACTIVE.labels(log)
        self._probe: LogSubscription | None = None
        self.end: int | None = None
        self._applied = -1
        self._looked = False
        self._read_up_to = 0.0
        self._look_at = self._came_at = 0.0
        self._emptied = self._probed = 0

    @property
    def is_caught_up(self) -> bool:
        """Whether nothing is known that was not applied."""
        return self._read_up_to > 0 and (self.end is None or self.end <= self._applied)

    def begin(self, applied: int | None) -> None:
        """Notes that this process reads the log from here on, behind the message applied last."""
        self._active.set(1)
        self._applied = -1 if applied is None else applied
        self._looked, self._look_at = False, time.monotonic()
        self._came()

    def stop(self) -> None:
        """Notes that it does not, or will not for long: what is looked for is not looked for any more."""
        self._close()
        self.end, self._read_up_to = None, 0.0

    def applied(self, last: Delivery, all_taken: bool) -> None:
        """Notes the last message applied, and whether nothing that came waits behind it."""
        self._came()
        self._applied = max(self._applied, last.offset or 0)
        now, written_at = time.time(), _written_at(last)
        self._show_read_up_to(min(written_at, now))
        if all_taken and now - written_at < _FRESH_S:
            self._close()
            self._looked, self._look_at = True, time.monotonic() + LOOK_EVERY_S
            self._is_caught_up()
        elif self.end is not None:
            self._behind.set(max(self.end - self._applied, 0))

    def nothing_came(self) -> None:
        """Notes that there was nothing to apply."""
        silent_s = time.monotonic() - self._came_at
        is_at_the_end = self._looked and (self.end is None or self.end <= self._applied)
        if is_at_the_end and silent_s >= _SILENCE_S and self._broker.times_emptied > self._emptied:
            self._is_caught_up()

    def look(self) -> None:
        """Once a turn: takes in what is known of the end, and looks for it if that was not done for long."""
        if self._probe is not None and self._probe.cancelled:
            self._close()  # whatever it has seen: the log has gone or moved
            self._look_at = 0.0
        elif self._probe is not None and self._probe.newest is not None:
            self.saw(self._probe.newest)
            self._close()
        elif self._probe is not None:
            self._looked = self._looked or self._broker.times_emptied > self._probed  # there is nothing in it
        elif time.monotonic() >= self._look_at:
            pause_s = LOOK_IN_SILENCE_EVERY_S if self.is_caught_up else LOOK_EVERY_S
            self._look_at = time.monotonic() + pause_s
            try:
                self._probe = self._broker.subscribe(self._log, _PREFETCH, "last")
                self._probed = self._broker.times_emptied
            except Unreadable:
                return  # its reader will be told

    def saw(self, end: int) -> None:
        """Notes an offset that the log has."""
        self.end, self._looked = end, True
        self._behind.set(max(end - self._applied, 0))

    def _came(self) -> None:
        self._came_at, self._emptied = time.monotonic(), self._broker.times_emptied

    def _is_caught_up(self) -> None:
        self.end = None
        self._behind.set(0)
        self._show_read_up_to(time.time())

    def _show_read_up_to(self, at: float) -> None:
        if at > self._read_up_to:
            self._read_up_to = at
            self._caught_up_at.set(at)

    def _close(self) -> None:
        if self._probe is not None:
            self._probe.close()
            self._probe = None


def _written_at(delivery: Delivery) -> float:
    message = delivery.message
    return (unix_time(message.time) or 0.0) if isinstance(message, Incoming) else 0.0
