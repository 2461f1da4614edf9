"""Finds out when the first message was written that a log still holds: what is older has expired everywhere."""

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from typing import Final

from infirmary.consumer.log_broker import LogBroker
from infirmary.consumer.opening import by_amqp, by_streams
from infirmary.consumer.unreadable import Unreadable
from infirmary.settings import Settings
from infirmary.transport.envelope import Incoming, unix_time

_ASK_AGAIN_S: Final = 600.0
"""A log loses its oldest file some times a day, and each look is a connection."""

_WITHIN_S: Final = 5.0
_WAIT_S: Final = 0.2
_PREFETCH: Final = 1


class LogBeginnings:
    """Asks the broker, now and then."""

    def __init__(self, service: str, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepares it.

        Args:
            service: Who asks.
            settings: Where the broker is.
            clock: Seconds.
        """
        self._name, self._settings, self._clock = f"{service}/housekeeping", settings, clock
        self._known: dict[str, float] = {}
        self._asked_at: dict[str, float] = {}

    def __call__(self, logs: Collection[str]) -> Mapping[str, float]:
        """Returns when the first messages of logs and parts were written, of those where that can be seen.

        Raises:
            Exception: The broker does not answer.
        """
        now = self._clock()
        unknown = [log for log in logs if now - self._asked_at.get(log, -_ASK_AGAIN_S) >= _ASK_AGAIN_S]
        if unknown:
            with closing(by_streams(self._settings, self._name) or by_amqp(self._settings, self._name)) as broker:
                for log in unknown:
                    self._known.pop(log, None)
                    began = first_written(broker, log)
                    self._asked_at[log] = now
                    if began is not None:
                        self._known[log] = began
        return {log: self._known[log] for log in logs if log in self._known}


def first_written(broker: LogBroker, log: str) -> float | None:
    """Returns when a log's first message was written, in unix seconds; None where there is none, or it does not say."""
    try:
        subscription = broker.subscribe(log, _PREFETCH, "first")
    except Unreadable:
        return None
    until = time.monotonic() + _WITHIN_S
    try:
        while not subscription.cancelled and time.monotonic() < until:
            broker.wait(_WAIT_S)
            found = subscription.take(1)
            if found:
                message = found[0].message
                return unix_time(message.time) if isinstance(message, Incoming) else None
    except Unreadable:
        return None
    finally:
        if not subscription.cancelled:
            subscription.close()
    return None
