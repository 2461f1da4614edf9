"""The consumer process: takes what has come, applies it, acknowledges, and looks after what is due."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Final

from services.chassis import metrics
from services.chassis.consumer.backoff import pause_s
from services.chassis.consumer.broker import BROKER_ERRORS, Broker, Subscription
from services.chassis.consumer.ledger import Ledger, ReaderReplaced
from services.chassis.consumer.reader import LogReader
from services.chassis.consumer.split_log import SplitLog
from services.chassis.health import Heart

log = logging.getLogger(__name__)

PREFETCH = 300
TURN_S = 1.0
"""How long a turn waits for messages; everything that is due by the clock is looked after once a turn."""

HELD_TURN_S = 0.1
"""The same while messages are parked, because the first retries come after 100 ms, or wait for another part."""

LONGEST_RECONNECT_S = 5.0


LOST_SESSION: Final[tuple[type[Exception], ...]] = (*BROKER_ERRORS, ReaderReplaced)


class Session:
    """One connection to the database and one to the broker; when either is lost, both are given up."""

    def __init__(self, service: str, logs: list[str], ledger: Ledger, broker: Broker, batch_messages: int) -> None:
        self._ledger, self._broker, self._batch_messages = ledger, broker, batch_messages
        self._queue = f"{service}.inbox"
        broker.declare_inbox(self._queue)
        self._inbox: Subscription | None = broker.subscribe(self._queue, PREFETCH)
        self._logs = [SplitLog(name, ledger, broker, batch_messages) for name in logs]
        self._tended_at = 0.0
        self._retry_soon = False

    def turn(self) -> None:
        """Waits for messages, applies those that have come, and does what is due."""
        if not self._waiting():
            self._broker.wait(HELD_TURN_S if self._retry_soon else TURN_S)
        self._broker.take_in(self._batch_messages - self._waiting())  # no waiting for a batch to fill
        worked = [reader.work() for reader in self._readers]
        worked.append(self._work_inbox())
        if any(worked) or self._retry_soon:
            self._retry_held()
        if time.monotonic() - self._tended_at >= TURN_S:
            self._tended_at = time.monotonic()
            self._tend()

    def close(self) -> None:
        """Gives up both connections; what was not acknowledged is delivered again."""
        self._broker.close()
        self._ledger.close()

    @property
    def _readers(self) -> list[LogReader]:
        return [reader for log in self._logs for reader in log.readers]

    def _waiting(self) -> int:
        subscriptions = [reader.subscription for reader in self._readers]
        return sum(len(each.waiting) for each in (*subscriptions, self._inbox) if each is not None)

    def _work_inbox(self) -> bool:
        if self._inbox is None:
            return False
        deliveries = self._inbox.take(self._batch_messages)
        if deliveries:
            self._ledger.apply_inbox(self._queue, deliveries)
            self._inbox.acknowledge(deliveries[-1])
        return bool(deliveries)

    def _retry_held(self) -> None:
        channels = [reader.name for reader in self._readers if reader.is_active] + [self._queue]
        settled = sum(self._ledger.retry_held(channel) for channel in channels)
        self._retry_soon = settled > 0 or self._wait_for_another_part()

    def _wait_for_another_part(self) -> bool:
        """Says whether events are held here whose predecessors another process may apply at any moment."""
        parts = [reader for log in self._logs if len(log.readers) > 1 for reader in log.readers]
        return any(self._ledger.holds(reader.name) for reader in parts if reader.is_active)

    def _tend(self) -> None:
        self._broker.heartbeat()
        stored_offsets = self._ledger.offsets()
        rank, readers = self._ledger.rank() if any(len(log.readers) > 1 for log in self._logs) else (0, 1)
        for log in self._logs:
            log.tend(stored_offsets, rank, readers)
        self._retry_held()
        self._ledger.tend()


class Consumer:
    """Keeps a session going until it is told to stop."""

    def __init__(self, connect: Callable[[], Session], passes: Callable[[BaseException], bool], heart: Heart) -> None:
        """Prepares the loop.

        Args:
            connect: Opens a session.
            passes: Says whether an error of the database passes by itself.
            heart: Learns of each turn and of what is wrong.
        """
        self._connect, self._passes, self._heart = connect, passes, heart
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Lets the batch in hand be committed and acknowledged, then ends the loop."""
        self._stopping.set()

    def run(self) -> None:
        """Works until `stop` is called; reconnects for as long as it takes.

        Raises:
            Exception: What is neither a lost connection nor anything else that passes; the supervisor starts the
            process again.
        """
        failures = 0
        while not self._stopping.is_set():
            try:
                with closing(self._connect()) as session:
                    while not self._stopping.is_set():
                        session.turn()
                        self._heart.beat()
                        failures = 0
            except LOST_SESSION as error:
                self._give_up_session(error)
            except Exception as error:
                if not self._passes(error):
                    raise
                self._give_up_session(error)
            if not self._stopping.is_set():
                failures += 1
                self._heart.beat(trouble="the session was lost and is being opened again")
                self._stopping.wait(pause_s(failures, longest_s=LONGEST_RECONNECT_S))

    def _give_up_session(self, error: BaseException) -> None:
        metrics.RECONNECTS.inc()
        log.warning("the session is given up and opened again: %s: %s", type(error).__name__, error)
