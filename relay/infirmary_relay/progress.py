"""Whether a relay that lives also gets anywhere: pure.

It is stalled when messages have waited that it could deliver (they are its own, not held back, not locked), with the
database and the broker there to do it, and none was confirmed. While a server is away there is nothing that it could
do, and that time does not count; but a connection that is lost and made again and again delivers nothing either, so
only a longer absence ends what has begun.
"""

_LONGEST_ITERATION_S = 1.0
"""No iteration counts for more: a process that was stopped could not do anything meanwhile."""
_AWAY_S = 10.0
"""What is away for longer is not between two connections."""


class Progress:
    """Told of what happens; times are seconds of one monotonic clock."""

    def __init__(self, stalled_after_s: float, restart_after_s: float) -> None:
        """Takes after how long without a confirm it is stalled, and is to be restarted; 0: never restarted."""
        self._stalled_after_s = stalled_after_s
        self._restart_after_s = restart_after_s
        self._in_vain_s = 0.0
        self._iterated_at: float | None = None
        self._could_at = 0.0
        self._since: float | None = None

    def measured(self, *, deliverable: bool, at: float) -> None:
        """Notes a look at the outbox: whether it holds what this relay could deliver, and when that was seen."""
        if not deliverable:
            self.confirmed()
        elif self._since is None:
            self._since = at

    def confirmed(self) -> None:
        """Notes a confirm: whether more waits has to be seen anew."""
        self._since, self._in_vain_s = None, 0.0

    def iterated(self, now: float, *, could_deliver: bool) -> None:
        """Notes an iteration of the loop, and whether database and broker were there to deliver something."""
        if could_deliver:
            since_last_s = now - self._iterated_at if self._iterated_at is not None else 0.0
            self._in_vain_s += min(since_last_s, _LONGEST_ITERATION_S) if self._since is not None else 0.0
            self._could_at = now
        elif now - self._could_at > _AWAY_S:
            self.confirmed()
        self._iterated_at = now

    @property
    def stalled_since(self) -> float | None:
        """Since when messages wait in vain, as `measured` was told; None while it goes on, or has not lasted."""
        return self._since if self._in_vain_s >= self._stalled_after_s else None

    @property
    def wants_restart(self) -> bool:
        """Whether that has lasted for so long that the process should be started again."""
        return self.stalled_since is not None and 0 < self._restart_after_s <= self._in_vain_s
