"""A connection that is opened again when it was lost: quickly at first, then less and less often."""

import logging
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from infirmary_relay import metrics
from infirmary_relay.backoff import BackoffTimes
from infirmary_relay.problem import Problem, Reason

_log = logging.getLogger(__name__)


class _Closable(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=_Closable)


class Reconnecting(Generic[T]):
    """Holds one connection, or the reason why there is none."""

    def __init__(self, server: str, connect: Callable[[], T], times: BackoffTimes) -> None:
        self._server = server
        self._connect = connect
        self._delay_s = 0.0
        self._next_try = 0.0
        self._times = times
        self._longest_delay_s = times.reconnect_longest_s
        self.current: T | None = None
        self.last_error: Problem | None = Problem(Reason.STARTING, "not yet connected")

    def ensure(self, now: float) -> T | None:
        """The connection, opened now if it is time to try; None while it is not.

        Raises:
            Exception: whatever the attempt to connect raised; the caller hands it to `lost`.
        """
        if self.current is None and now >= self._next_try:
            self._delay_s = min(max(2 * self._delay_s, self._times.first_s), self._longest_delay_s)
            self._next_try = now + self._delay_s
            self.current = self._connect()
            self.last_error = None
            metrics.connections.labels(self._server).inc()
        return self.current

    def succeeded(self) -> None:
        """Notes that the connection did something useful: should it be lost, the next try comes at once."""
        self._delay_s = 0.0

    def lost(self, problem: Problem, now: float, *, needs_operator: bool = False) -> None:
        """Drops the connection, to try again soon, or needs_operator: after waiting longer and longer."""
        times = self._times
        self._longest_delay_s = times.missing_longest_s if needs_operator else times.reconnect_longest_s
        self.close()
        if problem != self.last_error:
            _log.warning("%s lost: %s", self._server, problem.text)
        metrics.errors.labels(self._server).inc()
        self.last_error = problem
        self._next_try = now + self._delay_s

    def close(self) -> None:
        """Closes the connection if there is one."""
        closing, self.current = self.current, None
        if closing is not None:
            closing.close()
