"""One connection to the database and one to the broker, and what is done with them turn by turn."""

import logging
import time

from services.chassis import metrics
from services.chassis.consumer.broker import Broker
from services.chassis.consumer.ledger import Ledger
from services.chassis.consumer.progress import Patience
from services.chassis.consumer.reader import LogReader
from services.chassis.consumer.retention import Retention
from services.chassis.consumer.series import show_nothing_of
from services.chassis.consumer.split_log import SplitLog
from services.chassis.consumer.subscription import Subscription
from services.chassis.consumer.unreadable import Unreadable, Unreadables
from services.chassis.health import Reason
from services.chassis.readiness import Trouble

log = logging.getLogger(__name__)

PREFETCH = 300
TURN_S = 1.0
"""How long a turn waits for messages; everything that is due by the clock is looked after once a turn."""

HELD_TURN_S = 0.1
"""The same while messages are parked, because the first retries come after 100 ms, or wait for another part."""

RETRIED_AT_ONCE = 200
RETRIED_BESIDE_NEW_WORK = 2
RETRY_WITHIN_S = 0.05
"""What is parked is tried again after what is new, and never for longer: somebody may wait for what is new."""


class Session:
    """When either connection is lost, both are given up."""

    def __init__(
        self,
        service: str,
        logs: list[str],
        ledger: Ledger,
        broker: Broker,
        batch_messages: int,
        unreadables: Unreadables | None = None,
        patience: Patience | None = None,
        projection: str | None = None,
    ) -> None:
        """Prepares the session.

        Args:
            service: Whose consumer it is.
            logs: What it reads.
            ledger: Its database.
            broker: Its broker.
            batch_messages: How many messages are one transaction, at the most.
            unreadables: What could not be read by the sessions before this one.
            patience: How long a log may stand still.
            projection: The read model that is filled from the logs, if there is one.
        """
        self._patience, self._projection = patience or Patience(), projection
        self._stalled: dict[str, float] = {}
        self._ledger, self._broker, self._batch_messages = ledger, broker, batch_messages
        self._unreadables = Unreadables() if unreadables is None else unreadables
        self._queue = f"{service}.inbox"
        self._inbox: Subscription | None = None
        self._logs = [SplitLog(name, ledger, broker, batch_messages, self._unreadables) for name in logs]
        self._retention = Retention(ledger.forget_old)
        self._tended_at = 0.0
        self._retry_soon = self._retries_left = False
        self._open_inbox()

    def turn(self) -> None:
        """Waits for messages, applies those that have come, and does what is due."""
        if not self._waiting():
            self._broker.wait(self._patience_s())
        self._broker.take_in(self._batch_messages - self._waiting())  # no waiting for a batch to fill
        worked = [reader.work() for reader in self._readers]
        worked.append(self._work_inbox())
        if any(worked) or self._retry_soon:
            self._retry_held(RETRIED_BESIDE_NEW_WORK if any(worked) else RETRIED_AT_ONCE)
        if time.monotonic() - self._tended_at >= TURN_S:
            self._tended_at = time.monotonic()
            self._tend(busy=any(worked))
        self._retention.work(busy=any(worked))

    def trouble(self) -> Trouble | None:
        """Returns what does not get on, or cannot be read, and why, if anything."""
        if self._stalled:
            told = (f"{log} has grown for {seconds:.0f} s" for log, seconds in sorted(self._stalled.items()))
            return Trouble(Reason.STALLED, f"{'; '.join(told)}, and nothing of it was applied here")
        unreadable = self._unreadables.trouble()
        return None if unreadable is None else Trouble(Reason.CHANNEL_UNREADABLE, unreadable)

    @property
    def wants_restart(self) -> bool:
        """Whether a log has stood still for so long that only another process may help."""
        return self._patience.wants_restart(self._stalled)

    def close(self) -> None:
        """Gives up both connections; what was not acknowledged is delivered again, to whoever reads then."""
        for reader in self._readers:
            reader.stop()
        show_nothing_of(self._queue)
        self._broker.close()
        self._ledger.close()

    @property
    def _readers(self) -> list[LogReader]:
        return [reader for log in self._logs for reader in log.readers]

    def _patience_s(self) -> float:
        if self._retries_left or self._retention.goes_on:
            return 0.0
        return HELD_TURN_S if self._retry_soon else TURN_S

    def _waiting(self) -> int:
        subscriptions = [reader.subscription for reader in self._readers]
        return sum(len(each.waiting) for each in (*subscriptions, self._inbox) if each is not None)

    def _open_inbox(self) -> None:
        if not self._unreadables.may_look(self._queue):
            return
        try:
            self._broker.declare_inbox(self._queue)
            self._inbox = self._broker.subscribe(self._queue, PREFETCH)
        except Unreadable as odd:
            self._unreadables.failed(self._queue, odd)
        else:
            self._unreadables.reads(self._queue)

    def _work_inbox(self) -> bool:
        if self._inbox is None:
            return False
        try:
            deliveries = self._inbox.take(self._batch_messages)
        except Unreadable as odd:
            self._give_up_inbox()
            self._unreadables.failed(self._queue, odd)
            return False
        if deliveries:
            self._ledger.apply_inbox(self._queue, deliveries)
            self._inbox.acknowledge(deliveries[-1])
        elif self._inbox.cancelled:
            log.warning("%s was deleted or moved; it is declared again", self._queue)
            self._give_up_inbox()
            self._open_inbox()
        return bool(deliveries)

    def _give_up_inbox(self) -> None:
        if self._inbox is not None:
            self._inbox.close()
            self._inbox = None

    def _retry_held(self, at_most: int) -> None:
        channels = [reader.name for reader in self._readers if reader.is_owned] + [self._queue]
        until = time.monotonic() + RETRY_WITHIN_S
        settled = 0
        for channel in channels:
            settled += self._ledger.retry_held(channel, at_most, until)
        self._retries_left = settled > 0 and time.monotonic() >= until
        more_are_due = time.monotonic() >= until
        self._retry_soon = settled > 0 or more_are_due or self._wait_for_another_part()

    def _wait_for_another_part(self) -> bool:
        """Says whether events are held here whose predecessors another process may apply at any moment."""
        parts = [reader for log in self._logs if len(log.readers) > 1 for reader in log.readers]
        return any(self._ledger.holds(reader.name) for reader in parts if reader.is_owned)

    def _tend(self, busy: bool) -> None:
        self._broker.heartbeat()
        stored_offsets = self._ledger.offsets()
        rank, readers = self._ledger.rank() if any(len(log.readers) > 1 for log in self._logs) else (0, 1)
        for log in self._logs:
            log.tend(stored_offsets, rank, readers)
        if self._inbox is None:
            self._open_inbox()
        self._retry_held(RETRIED_BESIDE_NEW_WORK if busy else RETRIED_AT_ONCE)
        self._ledger.tend()
        self._look_at_progress()

    def _look_at_progress(self) -> None:
        active = [reader for reader in self._readers if reader.is_active]
        self._stalled = self._patience.stalled({reader.name: reader.standing_s() for reader in active})
        for reader in active:
            standing_s = self._stalled.get(reader.name)
            since = 0.0 if standing_s is None else time.time() - standing_s
            metrics.STALLED_SINCE.labels(reader.name).set(since)
        if self._projection is not None:
            read = [reader.read_of() for reader in self._readers if reader.is_owned]
            total = sum(messages for _, messages in read)
            metrics.REBUILT.labels(self._projection).set(sum(applied for applied, _ in read) / total if total else 1.0)
