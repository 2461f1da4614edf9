"""Follows MongoDB's driver through its events: it does not say itself how its connections are used."""

import threading

from pymongo.monitoring import (
    ConnectionCheckedInEvent,
    ConnectionCheckedOutEvent,
    ConnectionCheckOutFailedEvent,
    ConnectionCheckOutFailedReason,
    ConnectionCheckOutStartedEvent,
    ConnectionClosedEvent,
    ConnectionCreatedEvent,
    ConnectionPoolListener,
    ConnectionReadyEvent,
    PoolClearedEvent,
    PoolClosedEvent,
    PoolCreatedEvent,
    PoolReadyEvent,
)

from infirmary.observing.pool_state import PoolState


class PoolFollower(ConnectionPoolListener):
    """Keeps the state of one client's pools, whatever servers they lead to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = self._in_use = self._waiting = self._timeouts = 0
        self._waited_s = 0.0

    def state(self) -> PoolState:
        """Returns how the connections are used now."""
        with self._lock:
            idle = max(self._open - self._in_use, 0)
            return PoolState(self._in_use, idle, self._waiting, self._waited_s, self._timeouts)

    def connection_created(self, event: ConnectionCreatedEvent) -> None:  # noqa: ARG002 - pymongo's signature
        """Notes a connection."""
        with self._lock:
            self._open += 1

    def connection_closed(self, event: ConnectionClosedEvent) -> None:  # noqa: ARG002 - pymongo's signature
        """Notes its end."""
        with self._lock:
            self._open -= 1

    def connection_check_out_started(self, event: ConnectionCheckOutStartedEvent) -> None:  # noqa: ARG002 - pymongo's signature
        """Notes that somebody wants one."""
        with self._lock:
            self._waiting += 1

    def connection_checked_out(self, event: ConnectionCheckedOutEvent) -> None:
        """Notes that somebody has got one."""
        with self._lock:
            self._waiting -= 1
            self._in_use += 1
            self._waited_s += event.duration or 0.0

    def connection_check_out_failed(self, event: ConnectionCheckOutFailedEvent) -> None:
        """Notes that somebody has got none."""
        with self._lock:
            self._waiting -= 1
            self._waited_s += event.duration or 0.0
            self._timeouts += event.reason == ConnectionCheckOutFailedReason.TIMEOUT

    def connection_checked_in(self, event: ConnectionCheckedInEvent) -> None:  # noqa: ARG002 - pymongo's signature
        """Notes that one is given back."""
        with self._lock:
            self._in_use -= 1

    def connection_ready(self, event: ConnectionReadyEvent) -> None:
        """Does not matter here."""

    def pool_created(self, event: PoolCreatedEvent) -> None:
        """Does not matter here."""

    def pool_ready(self, event: PoolReadyEvent) -> None:
        """Does not matter here."""

    def pool_cleared(self, event: PoolClearedEvent) -> None:
        """Does not matter here: its connections are closed one by one."""

    def pool_closed(self, event: PoolClosedEvent) -> None:
        """Does not matter here: so are these."""
