"""The loop: fetch, publish, delete what was confirmed, hold back what was not."""

import logging
import select
import time
from collections.abc import Callable

from relay import metrics
from relay.blocks import Blocks, Kind
from relay.broker.declarer import IS_THERE, Declarer
from relay.broker.errors import BrokerLostError, PublishingRefusedError
from relay.broker.publisher import Publisher
from relay.crash_points import CrashPoints
from relay.message import KEY, MESSAGE_ID, TARGET, Row
from relay.pace import Pace
from relay.reconnect import Reconnecting
from relay.report import Report
from relay.sources.source import Source, SourceLostError
from relay.suspicion import Suspicion

_log = logging.getLogger(__name__)
_LONGEST_WAIT_S = 0.25
_GOODBYE_S = 5.0
"""How long a relay that is asked to stop waits for what is in flight."""


class Relay:
    """Moves messages from a source to the broker until it is told to stop."""

    def __init__(
        self,
        connect_source: Callable[[], Source],
        connect_broker: Callable[[], Publisher],
        declarer: Declarer,
        *,
        batch_rows: int,
        windows: int,
        report: Report,
        crash_points: CrashPoints,
    ) -> None:
        self._source = Reconnecting("source", connect_source)
        self._broker = Reconnecting("broker", connect_broker)
        self._declarer = declarer
        self._batch_rows = batch_rows
        self._windows = windows
        self._report = report
        self._reached = crash_points.reached
        self._blocks = Blocks()
        self._suspicion = Suspicion()
        self._pace = Pace()
        self._undeleted = False
        self._stopping = False

    def stop(self) -> None:
        """Asks the loop to settle what is in flight and end; may be called from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Turns until told to stop, whatever is lost meanwhile."""
        while not self._stopping:
            now = time.monotonic()
            try:
                self._turn(now)
                self._report.turned(self._source, self._broker, self._blocks, now)
            except SourceLostError as lost:
                self._source_was_lost(lost, now)
            except BrokerLostError as lost:
                self._broker_was_lost(lost, now)
        self._leave()

    def _turn(self, now: float) -> None:
        source = self._source.ensure(now)
        if source is not None:
            source.keep_up(now)
        broker = self._broker.ensure(now) if source is not None else None
        if source is not None and broker is not None:
            self._settle(source, broker, now)
            self._lift_blocks(now)
            self._send(source, broker, now)
        self._wait(source, broker)

    def _send(self, source: Source, broker: Publisher, now: float) -> None:
        """Publishes the next batch, if there is room and it is due; what was settled is deleted with its fetch."""
        if not self._has_room(broker):
            source.flush()
            self._deleted()
            return
        if not source.has_more and now < self._pace.due_at(source.is_nudged):
            return
        batch = source.fetch(self._blocks.current(), 1 if self._suspicion.one_by_one else self._batch_rows)
        self._deleted()
        self._pace.fetched(now, found=bool(batch), watch_s=source.watch_s, poll_s=source.poll_s)
        if not batch:
            return
        self._reached("after_fetch")
        unfit = broker.publish(batch)
        metrics.published.inc(len(batch) - len(unfit))
        for row, reason in unfit:
            self._blame(row, f"it can not be sent: {reason}", now)
            source.settle([], [row[KEY]])
        self._reached("after_publish")

    def _deleted(self) -> None:
        if self._undeleted:
            self._undeleted = False
            self._reached("after_delete")

    def _settle(self, source: Source, broker: Publisher, now: float) -> None:
        """Hands the outcome of every settled window to those whom it concerns."""
        for window in broker.settled():
            self._undeleted = True
            self._reached("after_confirm")
            receipts = window.receipts()
            source.settle(receipts.confirmed, [row[KEY] for row in receipts.returned + receipts.refused])
            self._blocks.settled(window.rows, receipts, now)
            self._suspicion.settled(len(window.rows))
            for connection in (self._source, self._broker):
                connection.works()
            self._pace.hurry(now)
            metrics.confirmed.inc(len(receipts.confirmed))
            metrics.returned.inc(len(receipts.returned))
            metrics.refused.inc(len(receipts.refused))

    def _lift_blocks(self, now: float) -> None:
        """Tries again what was held back for long enough; a missing queue or log is declared first."""
        for block in self._blocks.due(now):
            trouble = self._declarer.ask(block.name) if block.kind is Kind.TARGET else IS_THERE
            if trouble is None:
                continue
            if trouble != IS_THERE:
                self._blocks.missing(block.name, trouble, now)
                continue
            self._blocks.lift(block, now)
            self._pace.hurry(now)
            if block.alone:
                self._suspicion.try_alone()

    def _has_room(self, broker: Publisher) -> bool:
        return broker.has_room(1 if self._suspicion.one_by_one else self._windows)

    def _wait(self, source: Source | None, broker: Publisher | None) -> None:
        """Waits until a writer nudges, the broker says or takes something, or it is time to look."""
        timeout_s = _LONGEST_WAIT_S
        if source is None or broker is None:
            timeout_s = 0.02
        elif self._has_room(broker):
            if source.has_more:
                return
            timeout_s = max(0.0, min(self._pace.due_at(source.is_nudged) - time.monotonic(), _LONGEST_WAIT_S))
        # Who has been nudged and waits its pace would only be disturbed by being nudged again.
        nudges = source.fileno() if source is not None and not source.is_nudged else None
        reading = [] if nudges is None else [nudges]
        writing = []
        if broker is not None:
            reading.append(broker.fileno())
            writing += [broker.fileno()] if broker.has_unwritten else []
        readable, _, _ = select.select(reading, writing, [], timeout_s)
        if source is not None and nudges in readable:
            source.hear()

    def _source_was_lost(self, lost: SourceLostError, now: float) -> None:
        """Starts afresh on both sides: ids are good only for the connection that they were read on."""
        self._undeleted = False
        self._source.lost(str(lost), now)
        self._broker.lost("waits for the source", now)

    def _broker_was_lost(self, lost: BrokerLostError, now: float) -> None:
        """Forgets what was in flight: it is still in the outbox, and is fetched again."""
        if isinstance(lost, PublishingRefusedError) and self._broker.current is not None:
            culprit = self._suspicion.closed(self._broker.current.in_flight())
            if culprit is not None:
                self._blame(culprit, str(lost), now)
        self._broker.lost(str(lost), now)
        self._pace.hurry(now)
        if self._source.current is not None:
            self._source.current.forget()

    def _blame(self, row: Row, words: str, now: float) -> None:
        _log.error("message %s to %s is held back, with its subject: %s", row[MESSAGE_ID].hex(), row[TARGET], words)
        metrics.refused.inc()
        self._blocks.culprit(row, words, now)

    def _leave(self) -> None:
        """Settles what is in flight, then lets go of everything at once."""
        deadline = time.monotonic() + _GOODBYE_S
        source, broker = self._source.current, self._broker.current
        try:
            while source and broker and broker.in_flight() and time.monotonic() < deadline:
                select.select([broker.fileno()], [], [], 0.05)
                self._settle(source, broker, time.monotonic())
                source.keep_up(time.monotonic())
        except (SourceLostError, BrokerLostError) as lost:
            _log.warning("left with messages in flight: %s", lost)
        self._source.close()
        self._broker.close()
