"""One connection to the database and one to the broker, and what is done with them turn by turn."""

import time

from infirmary.consumer.applying import Applier
from infirmary.consumer.broker import Broker
from infirmary.consumer.log_broker import LogBroker
from infirmary.consumer.loss import Loss, unsettled, words_of
from infirmary.consumer.old_queue import OldQueue
from infirmary.consumer.progress import StallLimits
from infirmary.consumer.reader import LogReader
from infirmary.consumer.retention import Retention
from infirmary.consumer.split_log import SplitLog
from infirmary.consumer.store import Store
from infirmary.consumer.unreadable import Unreadables
from infirmary.observing import metrics
from infirmary.observing.health import Reason
from infirmary.observing.readiness import ProcessProblem

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
        store: Store,
        applier: Applier,
        broker: Broker,
        batch_messages: int,
        unreadables: Unreadables | None = None,
        limits: StallLimits | None = None,
        projection: str | None = None,
        reads_logs: LogBroker | None = None,
        *,
        beside: bool = False,
    ) -> None:
        """Prepares the session.

        Args:
            service: Whose consumer it is.
            logs: What it reads.
            store: Its database.
            applier: What applies messages in it.
            broker: Its broker, by AMQP 0-9-1.
            batch_messages: How many messages are one transaction, at the most.
            unreadables: What could not be read by the sessions before this one.
            limits: How long a log may stand still.
            projection: The read model that is filled from the logs, if there is one.
            reads_logs: The same broker by the protocol in which logs are read, where that is another one. AMQP is then
                kept for a queue of the release before, as long as there is one.
            beside: Whether it fills a read model beside the one in use: then the consumer reads that queue.
        """
        self._limits, self._projection = limits or StallLimits(), projection
        self._service = service
        self._stalled: dict[str, float] = {}
        self._lost: dict[str, Loss] = {}
        self._store, self._applier, self._batch_messages = store, applier, batch_messages
        self._broker: LogBroker = reads_logs or broker
        self._unreadables = Unreadables() if unreadables is None else unreadables
        self._logs = [
            SplitLog(name, store.positions, applier, self._broker, batch_messages, self._unreadables) for name in logs
        ]
        self._old_queue = OldQueue(service, applier, broker, batch_messages, passed_over=beside)
        self._beside: Broker | None = None
        if reads_logs is not None and not self._old_queue.is_drained:
            self._beside = broker
        elif reads_logs is not None:
            broker.close()
        self._retention = Retention(lambda at_most: store.forget_old(logs, at_most))
        self._tended_at = 0.0
        self._retry_soon = self._retries_left = False

    def turn(self) -> None:
        """Waits for messages, applies those that have come, and does what is due."""
        if not self._waiting():
            self._broker.wait(self._wait_s())
        self._broker.take_in(self._batch_messages - self._waiting())  # no waiting for a batch to fill
        if self._beside is not None:
            self._beside.take_in(self._batch_messages - self._old_queue.waiting)
        worked = [reader.work() for reader in self._readers]
        worked.append(self._old_queue.work())
        if any(worked) or self._retry_soon:
            self._retry_held(RETRIED_BESIDE_NEW_WORK if any(worked) else RETRIED_AT_ONCE)
        if time.monotonic() - self._tended_at >= TURN_S:
            self._tended_at = time.monotonic()
            self._tend(busy=any(worked))
        self._retention.work(busy=any(worked))

    def problem(self) -> ProcessProblem | None:
        """Returns what does not get on, or cannot be read, and why, if anything."""
        if self._stalled:
            told = (f"{log} has grown for {seconds:.0f} s" for log, seconds in sorted(self._stalled.items()))
            return ProcessProblem(Reason.STALLED, f"{'; '.join(told)}, and nothing of it was applied here")
        unreadable = self._unreadables.problem()
        if unreadable is not None:
            return ProcessProblem(Reason.CHANNEL_UNREADABLE, unreadable)
        lost = words_of(self._lost, self._service)
        return None if lost is None else ProcessProblem(Reason.MESSAGES_LOST, lost)

    @property
    def wants_restart(self) -> bool:
        """Whether a log has stood still for so long that only another process may help."""
        return self._limits.wants_restart(self._stalled)

    def read_of(self) -> tuple[int, int]:
        """Returns how many messages of the logs read here are applied, and how many there are, as far as is known."""
        read = [reader.read_of() for reader in self._readers if reader.is_owned]
        return sum(applied for applied, _ in read), sum(messages for _, messages in read)

    def is_caught_up(self) -> bool:
        """Says whether all logs, in all their parts, are read here, and to their ends."""
        return all(reader.is_caught_up for reader in self._readers)

    def close(self) -> None:
        """Gives up both connections; what was not acknowledged is delivered again, to whoever reads then."""
        for reader in self._readers:
            reader.stop()
        self._broker.close()
        if self._beside is not None:
            self._beside.close()
        self._store.close()

    @property
    def _readers(self) -> list[LogReader]:
        return [reader for log in self._logs for reader in log.readers]

    def _wait_s(self) -> float:
        if self._retries_left or self._retention.goes_on:
            return 0.0
        return HELD_TURN_S if self._retry_soon or self._beside is not None else TURN_S

    def _waiting(self) -> int:
        subscriptions = [reader.subscription for reader in self._readers]
        return self._old_queue.waiting + sum(each.waiting for each in subscriptions if each is not None)

    def _retry_held(self, at_most: int) -> None:
        until = time.monotonic() + RETRY_WITHIN_S
        settled = sum(reader.retry_held(at_most, until) for reader in self._readers)
        settled += self._old_queue.retry_held(at_most, until)
        self._retries_left = settled > 0 and time.monotonic() >= until
        more_are_due = time.monotonic() >= until
        self._retry_soon = settled > 0 or more_are_due or self._wait_for_another_part()

    def _wait_for_another_part(self) -> bool:
        """Says whether messages are held here whose predecessors another process may apply at any moment."""
        parts = [reader for log in self._logs if len(log.readers) > 1 for reader in log.readers]
        return any(self._applier.holds(reader.name) for reader in parts if reader.is_owned)

    def _tend(self, busy: bool) -> None:
        self._broker.heartbeat()
        if self._beside is not None:
            self._beside.heartbeat()
        self._old_queue.tend()
        stored_offsets = self._store.positions.offsets()
        rank, readers = self._store.positions.rank() if any(len(log.readers) > 1 for log in self._logs) else (0, 1)
        for log in self._logs:
            if self._old_queue.is_drained or not log.of_commands:
                log.tend(stored_offsets, rank, readers)
        self._look_at_losses()
        self._retry_held(RETRIED_BESIDE_NEW_WORK if busy else RETRIED_AT_ONCE)
        self._store.check_incarnation()
        self._store.tend()
        self._look_at_progress()

    def _look_at_losses(self) -> None:
        losses, forgotten = self._store.positions.losses(), self._store.positions.forgotten_before()
        for reader in self._readers:
            reader.know_loss(losses.get(reader.name))
            reader.know_forgotten(forgotten.get(reader.name))
        owned = {reader.name for reader in self._readers if reader.is_owned}
        self._lost = {log: loss for log, loss in unsettled(losses).items() if log in owned}

    def _look_at_progress(self) -> None:
        active = [reader for reader in self._readers if reader.is_active]
        self._stalled = self._limits.stalled({reader.name: reader.standing_s() for reader in active})
        for reader in active:
            standing_s = self._stalled.get(reader.name)
            since = 0.0 if standing_s is None else time.time() - standing_s
            metrics.STALLED_SINCE.labels(reader.name).set(since)
        if self._projection is not None:
            applied, total = self.read_of()
            metrics.REBUILT.labels(self._projection).set(applied / total if total else 1.0)
