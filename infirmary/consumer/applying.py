"""Applies batches of messages: quickly, or one by one when a message fails or meets a lock."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from infirmary.consumer.batch import Batch
from infirmary.consumer.batch_counts import BatchCounts
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.failure import describe
from infirmary.consumer.held_counts import HeldCounts
from infirmary.consumer.log_rules import LogRules
from infirmary.consumer.position import Position
from infirmary.consumer.series import ConsumerSeries
from infirmary.consumer.store import BatchWork, ReaderReplaced, Store
from infirmary.observing import metrics
from infirmary.transport.envelope import Incoming

_logger = logging.getLogger(__name__)

_ONE_BY_ONE_FOR_S = 6.0
"""For so long after a message has met a lock all are applied one by one: a batch would wait for the lock again."""


class Applier:
    """Applies what the readers of the logs bring, in one service's database."""

    def __init__(
        self, store: Store, handles: Callable[[Incoming], bool], series: ConsumerSeries, sequence_days: float
    ) -> None:
        """Prepares it.

        Args:
            store: The database.
            handles: Says whether the service handles a message's type.
            series: Counts what becomes of messages.
            sequence_days: For how long the sequences of a saga are known here.
        """
        self._store, self._handles, self._series, self._sequence_days = store, handles, series, sequence_days
        self._held = HeldCounts(store.count, store.missing)
        self._one_by_one_until = 0.0
        self._for_another = set[str]()

    def show_series(self, log: str) -> None:
        """Shows nought for all that may happen to a log's messages."""
        self._series.of(log)

    def begin(self, log: str) -> None:
        """Notes that this process reads a log from now on: another reader may have held some of its messages."""
        self._held.forget(log)
        self._for_another.discard(log)

    def apply(self, log: str, deliveries: Sequence[Delivery], position: Position) -> Position:
        """Applies deliveries of a log in their order and moves its offset behind the last.

        Raises:
            ReaderReplaced: The offset is not where this reader left it.
        """

        def apply_batch(work: BatchWork, one_by_one: bool) -> BatchCounts:
            batch = self._batch(log, work, position, one_by_one, some_held)
            batch.apply(deliveries)
            return batch.counts

        some_held = self._held.of(log) > 0
        with self._series.timed(log, len(deliveries)):
            counts = self._twice(log, apply_batch)
        self._tell(log, counts)
        if counts.held_messages or counts.closed:
            self._held.changed(log, counts.held_messages - counts.closed)
        last = deliveries[-1]
        if last.offset is None:
            return position
        metrics.POSITION.labels(log).set(last.offset)
        return replace(position, last_offset=last.offset, last_message_id=last.identity)

    def retry(self, log: str, position: Position, at_most: int = 100, until: float = math.inf) -> int:
        """Tries held messages of a log that are due.

        Args:
            log: The log.
            position: Where its reader stands.
            at_most: So many of those that have failed before.
            until: And of those none after this, by the monotonic clock, but for the first.

        Returns:
            How many need nothing more.
        """

        def retry_batch(work: BatchWork, one_by_one: bool) -> BatchCounts:
            batch = self._batch(log, work, position, one_by_one, some_held=True)
            batch.retry(at_most, until)
            return batch.counts

        if self._held.of(log) == 0:
            return 0
        settled, some_failed = 0, self._store.some_due_failed(log)
        if some_failed is not None:
            counts = self._one_by_one(log, retry_batch) if some_failed else self._twice(log, retry_batch)
            self._tell(log, counts)
            settled = counts.settled + counts.closed
        self._held.changed(log, -settled)
        return settled

    def holds(self, log: str) -> bool:
        """Says whether messages of a log are parked or wait."""
        return self._held.of(log) > 0

    def holds_for_another(self, log: str) -> bool:
        """Says whether messages were put off, since this process reads the log, that another release is to apply."""
        return log in self._for_another

    def _batch(self, log: str, work: BatchWork, position: Position, one_by_one: bool, some_held: bool) -> Batch:
        rules = LogRules(log, position, self._sequence_days)
        passes = self._store.is_transient
        return Batch(work, rules, position, self._handles, passes, one_by_one=one_by_one, some_held=some_held)

    def _twice(self, log: str, work: Callable[[BatchWork, bool], BatchCounts]) -> BatchCounts:
        """Does a batch's work in the quick way; if a message fails or meets a lock, again one by one."""
        if time.monotonic() < self._one_by_one_until:
            return self._one_by_one(log, work)
        try:
            return self._store.transact(log, lambda batch_work: work(batch_work, False), one_by_one=False)
        except ReaderReplaced:
            raise
        except Exception as error:
            if self._store.is_transient(error):
                self._series.of(log).rolled_back.inc()
                if not self._store.is_lock(error):
                    raise
            _logger.warning("a message of %s fails, its batch is applied one by one: %s", log, describe(error))
        return self._one_by_one(log, work)

    def _one_by_one(self, log: str, work: Callable[[BatchWork, bool], BatchCounts]) -> BatchCounts:
        return self._store.transact(log, lambda batch_work: work(batch_work, True), one_by_one=True)

    def _tell(self, log: str, counts: BatchCounts) -> None:
        if counts.for_another:
            self._for_another.add(log)
        if counts.hindered:
            self._one_by_one_until = time.monotonic() + _ONE_BY_ONE_FOR_S
        counts.tell(self._series.of(log))
