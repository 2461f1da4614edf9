"""Counts of each channel's held messages. Few are counted whenever they may have changed, many only now and then.

Where none was held it is counted now and then, too: a reader that was frozen, and replaced meanwhile, may have held one
when it went on. Whoever believes that there is none would not look for it before the log's next message comes.
"""

import time
from collections.abc import Callable
from typing import Final

from infirmary.consumer.held_now import STATES, HeldNow
from infirmary.observing import metrics

MANY: Final = 500
MANY_ARE_COUNTED_EVERY_S: Final = 5.0
"""Or more rarely: to count a great many takes no more than a hundredth of the time."""

NONE_IS_DOUBTED_AFTER_S: Final = 30.0

_SHARE: Final = 100


class HeldCounts:
    """The counts as this process knows them; what other processes and operators do shows at the next counting."""

    def __init__(
        self,
        count: Callable[[str], HeldNow],
        count_missing: Callable[[str], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepares the counts.

        Args:
            count: Counts the held messages of a channel.
            count_missing: Counts the messages that those of a log wait for.
            clock: Seconds.
        """
        self._count, self._count_missing, self._clock = count, count_missing, clock
        self._known: dict[str, int] = {}
        self._count_again_at: dict[str, float] = {}

    def of(self, channel: str) -> int:
        """Returns how many are held; of many, about how many."""
        known = self._known.get(channel)
        if known is None or (known == 0 and self._clock() >= self._count_again_at[channel]):
            began = self._clock()
            held = self._count(channel)
            took = self._clock() - began
            self._known[channel] = held.total
            pause_s = MANY_ARE_COUNTED_EVERY_S if held.total else NONE_IS_DOUBTED_AFTER_S
            self._count_again_at[channel] = began + max(pause_s, _SHARE * took)
            _show(channel, held)
        return self._known[channel]

    def changed(self, channel: str, by: int) -> None:
        """Notes that this process has held more messages, or fewer, and that others may have, too."""
        known = self._known.get(channel, 0)
        if known and (about := known + by) > MANY and self._clock() < self._count_again_at[channel]:
            self._known[channel] = about
        else:
            self.forget(channel)
            some = self.of(channel) > 0
            metrics.MISSING.labels(channel).set(self._count_missing(channel) if some else 0)

    def forget(self, channel: str) -> None:
        """Notes that another process may have changed it."""
        self._known.pop(channel, None)


def _show(channel: str, held: HeldNow) -> None:
    for state in STATES:
        metrics.HELD.labels(channel, state).set(held.messages.get(state, 0))
        metrics.HELD_OLDEST.labels(channel, state).set(held.oldest.get(state, 0.0))
