"""Finds out which logs owe a confirm for too long, while the broker says other things: pure.

A log without a majority of its replicas takes messages and confirms none; the connection is well, and other logs go on.
"""

from infirmary_relay.confirms import Confirms


class Overdue:
    """Watches the oldest window; times are those of one monotonic clock, in seconds."""

    def __init__(self, confirms: Confirms, longest_s: float) -> None:
        """Takes the windows, and how long the oldest may get no further."""
        self._confirms, self._longest_s = confirms, longest_s
        self._waits_for: tuple[int, int] | None = None
        self._since = 0.0

    def targets(self, now: float) -> set[str]:
        """The logs that owe the oldest window a confirm and have not given any for too long."""
        oldest = self._confirms.oldest_unsettled
        waits_for = oldest.waits_for if oldest is not None else None
        if waits_for != self._waits_for:
            self._waits_for, self._since = waits_for, now
        if oldest is None or now - self._since <= self._longest_s:
            return set()
        return oldest.awaited()
