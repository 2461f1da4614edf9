"""When to fetch next: pure decisions from what the last fetches brought."""

LEAST_GAP_S = 0.002
"""From a fetch that found something to the next at the least, unless it is known that more waits.

A fetch for each message would keep the cores busy with batches of one, and everybody would wait for a core. The first
message after a pause does not wait.
"""


class FetchTiming:
    """Says when a fetch is due; times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._looks_at = self._not_before = self._watches_until = 0.0

    def due_at(self, is_nudged: bool) -> float:
        """When to fetch next if nobody knows that more waits."""
        return self._not_before if is_nudged else max(self._not_before, self._looks_at)

    def fetched(self, now: float, *, found: bool, watch_s: float, poll_s: float) -> None:
        """Notes a fetch.

        Args:
            now: When it began.
            found: Whether it brought anything.
            watch_s: How long to go on looking at this pace after something was found.
            poll_s: How long to wait when there was nothing new.
        """
        if found:
            self._not_before, self._watches_until = now + LEAST_GAP_S, now + watch_s
        self._looks_at = now + (LEAST_GAP_S if now < self._watches_until else poll_s)

    def wake(self, now: float) -> None:
        """Notes that something has changed: the next fetch need not wait for the poll."""
        self._looks_at = now
