"""Counts what happened to the messages of a batch, and tells the monitoring system when that is certain."""

from collections import Counter

from services.chassis import metrics


class BatchCounts:
    """What a transaction did with its messages; nothing of it is known outside before `tell`."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._applied: Counter[str] = Counter()
        self._duplicates = self._waiting = self._parked = 0

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

    def duplicate(self) -> None:
        """Counts a message that had been applied before."""
        self._duplicates += 1

    def held(self, error: BaseException | None) -> None:
        """Counts a message that is parked with its error, or waits without one."""
        if error is None:
            self._waiting += 1
        else:
            self._parked += 1

    def tell(self) -> None:
        """Adds it all to the metrics; to be called after the commit."""
        for message_type, count in self._applied.items():
            metrics.APPLIED.labels(self._channel, message_type).inc(count)
        counted = ((metrics.DUPLICATES, self._duplicates), (metrics.WAITING, self._waiting))
        for metric, count in (*counted, (metrics.PARKED, self._parked)):
            if count:
                metric.labels(self._channel).inc(count)
