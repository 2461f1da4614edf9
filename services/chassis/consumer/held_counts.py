"""How many messages of each channel are held. Few are counted whenever it may have changed, many only now and then."""

import time
from collections.abc import Callable
from typing import Final

from services.chassis import metrics

MANY: Final = 500
MANY_ARE_COUNTED_EVERY_S: Final = 5.0


class HeldCounts:
    """The counts as this process knows them; what other processes and operators do shows at the next counting."""

    def __init__(
        self,
        count: Callable[[str], int],
        count_missing: Callable[[str], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepares the counts.

        Args:
            count: Counts the held messages of a channel.
            count_missing: Counts the events that those of a log wait for.
            clock: Seconds.
        """
        self._count, self._count_missing, self._clock = count, count_missing, clock
        self._known: dict[str, int] = {}
        self._counted_at: dict[str, float] = {}

    def of(self, channel: str) -> int:
        """Returns how many are held; of many, about how many."""
        if channel not in self._known:
            self._known[channel] = self._count(channel)
            self._counted_at[channel] = self._clock()
            metrics.HELD.labels(channel).set(self._known[channel])
        return self._known[channel]

    def changed(self, channel: str, by: int) -> None:
        """Notes that this process has held more messages, or fewer, and that others may have, too."""
        about = self._known.get(channel, 0) + by
        if about > MANY and self._clock() - self._counted_at[channel] < MANY_ARE_COUNTED_EVERY_S:
            self._known[channel] = about
            metrics.HELD.labels(channel).set(about)
        else:
            self.forget(channel)
            some = self.of(channel) > 0
            metrics.MISSING.labels(channel).set(self._count_missing(channel) if some else 0)

    def forget_few(self, channel: str) -> None:
        """Notes that another process may have changed it, which may wait until many are counted again."""
        if self._known.get(channel, 0) <= MANY:
            self.forget(channel)

    def forget(self, channel: str) -> None:
        """Notes that another process may have changed it."""
        self._known.pop(channel, None)
