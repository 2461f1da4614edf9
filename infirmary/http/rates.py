"""How many requests each caller may send. Pure but for a lock: the time is given.

The clock has to be one that nobody sets. A library for this was tried: it goes by the wall's clock, so that one that is
set back by an hour keeps whoever was at the limit out for that hour, and it starts threads of its own all the time.
"""

import threading
from typing import Final

BURST_S: Final = 10.0
"""A caller who was quiet may send as much at once as it may otherwise within so many seconds."""


class CallerRates:
    """Knows of each caller until when its requests so far would take, if they came one by one at the rate (GCRA).

    Whoever has sent nothing for `BURST_S` is as good as unknown, so that nobody is remembered for longer than twice
    that: in `_recent` those who have come since its last change, in `_before` those from before it.
    """

    def __init__(self, per_s: int) -> None:
        """Begins without any caller.

        Args:
            per_s: Requests that each of them may send per second, from 1.
        """
        self.per_s = per_s
        self._each_s = 1 / per_s
        self._most_ahead_s = BURST_S - self._each_s
        self._lock = threading.Lock()
        self._recent: dict[str, float] = {}
        self._before: dict[str, float] = {}
        self._change_at = 0.0

    def wait_s(self, caller: str, now: float) -> float:
        """Notes a request and returns 0; or notes nothing and returns for how long its caller should wait.

        Args:
            caller: Who sends it.
            now: In seconds, by a clock that never goes back.
        """
        with self._lock:
            if now >= self._change_at:
                self._before, self._recent = self._recent, {}
                self._change_at = now + BURST_S
            taken_until = self._recent.get(caller) or self._before.get(caller, now)
            ahead_s = taken_until - now
            if ahead_s > self._most_ahead_s:
                return ahead_s - self._most_ahead_s
            self._recent[caller] = max(taken_until, now) + self._each_s
            return 0.0

    def __len__(self) -> int:
        """How many callers are remembered."""
        return len(self._recent.keys() | self._before.keys())
