"""The loop: fetch, publish, delete what was confirmed, hold back what was not."""

import logging
import select
import time
from collections.abc import Callable, Sequence

from infirmary_relay import metrics
from infirmary_relay.backoff import Backoffs, BackoffTimes, Kind
from infirmary_relay.broker.declarer import Declarer
from infirmary_relay.broker.errors import BrokerLostError, OwnedByAnotherError, PublishingRefusedError
from infirmary_relay.broker.publisher import Publisher
from infirmary_relay.crash_points import CrashPoints
from infirmary_relay.fetch_timing import FetchTiming
from infirmary_relay.message import KEY, MESSAGE_ID, SUBJECT, TARGET, Row
from infirmary_relay.poison import PoisonSearch
from infirmary_relay.problem import Problem, Reason
from infirmary_relay.reconnect import Reconnecting
from infirmary_relay.report import Report
from infirmary_relay.sends import Sends
from infirmary_relay.set_back.guard import Guard
from infirmary_relay.sources.source import Source, SourceLostError
from infirmary_relay.targets import Targets

_log = logging.getLogger(__name__)
_LONGEST_WAIT_S = 0.25
_LOOK_S = 1.0
"""How often to look whether what is held back is still there."""
_DRAIN_S = 5.0
"""How long a relay that is asked to stop waits for what is in flight."""


class Relay:
    """Moves messages from a source to the broker until it is told to stop."""

    def __init__(
        self,
        connect_source: Callable[[], Source],
        connect_broker: Callable[[str | None, Sequence[str]], Publisher],
        declarer: Declarer,
        *,
        batch_rows: int,
        windows: int,
        backoff_times: BackoffTimes,
        report: Report,
        crash_points: CrashPoints,
        sends: Sends | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._source = Reconnecting(metrics.SOURCE, connect_source, backoff_times)
        self._broker = Reconnecting(metrics.BROKER, lambda: connect_broker(*self._known_of_source), backoff_times)
        self._batch_rows = batch_rows
        self._windows = windows
        self._report = report
        self._sends = sends
        self._guard = guard
        self._reached = crash_points.reached
        self._backoffs = Backoffs(backoff_times)
        self._targets = Targets(declarer, self._backoffs)
        self._poison_search = PoisonSearch()
        self._timing = FetchTiming()
        self._next_look = 0.0
        self._undeleted = False
        self._stopping = False

    def stop(self) -> None:
        """Asks the loop to settle what is in flight and end; may be called from a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Iterates until told to stop, whatever connection is lost meanwhile."""
        while not self._stopping:
            self._survive(self._iterate)
            self._survive(self._tell)
        self._drain()

    def _survive(self, what: Callable[[float], None]) -> None:
        try:
            what(time.monotonic())
        except SourceLostError as lost:
            self._source_was_lost(lost, time.monotonic())
        except BrokerLostError as lost:
            self._broker_was_lost(lost, time.monotonic())

    def _tell(self, now: float) -> None:
        kept_by = self._guard.problem if self._guard is not None else None
        self._report.iterated(self._source, self._broker, self._backoffs, now, kept_by)

    @property
    def _known_of_source(self) -> tuple[str | None, Sequence[str]]:
        source = self._source.current
        return (source.identity, source.logs) if source is not None else (None, ())

    def _iterate(self, now: float) -> None:
        source = self._source.ensure(now)
        if source is not None:
            source.heartbeat(now)
        was_connected = self._broker.current is not None
        broker = self._broker.ensure(now) if source is not None else None
        if broker is not None and not was_connected:
            self._backoffs.wake(now)
        if source and broker and (self._guard is None or self._guard.allows(source, broker, now)):
            self._settle(source, broker, now)
            self._end_blocks(source, now)
            self._lift_blocks(broker, now)
            self._send(source, broker, now)
        self._wait(source, broker)

    def _send(self, source: Source, broker: Publisher, now: float) -> None:
        """Publishes the next batch, if there is room and it is due; what was settled is deleted with its fetch."""
        if not self._has_room(broker):
            source.flush()
            self._deleted()
            return
        if not source.has_more and now < self._timing.due_at(source.is_nudged):
            return
        batch = source.fetch(self._backoffs.current(), 1 if self._poison_search.one_by_one else self._batch_rows)
        self._deleted()
        self._timing.fetched(now, found=bool(batch), watch_s=source.watch_s, poll_s=source.poll_s)
        if not batch:
            return
        self._reached("after_fetch")
        if broker.blocked is not None:  # and yet it has room
            batch = self._targets.to_logs(source, batch, now)
        batch = self._targets.admitted(source, broker.known_targets, batch, now)
        if source.has_more and not self._poison_search.one_by_one:
            source.ask(self._backoffs.current(), self._batch_rows)
        unfit = broker.publish(batch)
        metrics.published.inc(len(batch) - len(unfit))
        for row, reason in unfit:
            source.settle([], [row[KEY]])
            if reason is None:
                continue
            text = f"it cannot be sent: {reason}"
            self._note_quarantine(row, text)
            self._backoffs.unfit(row, text, now)
        self._reached("after_publish")

    def _deleted(self) -> None:
        if self._undeleted:
            self._undeleted = False
            self._reached("after_delete")

    def _settle(self, source: Source, broker: Publisher, now: float) -> None:
        """Hands the outcome of every settled window to those whom it concerns."""
        for window in broker.settled(lambda window: self._targets.may_end(window, now)):
            self._undeleted = True
            self._reached("after_confirm")
            receipts = window.receipts()
            source.settle(receipts.confirmed, [row[KEY] for row in receipts.returned + receipts.refused])
            self._backoffs.settled(window.rows, receipts, now)
            self._targets.ended(window, broker.known_targets, now)
            broker.known_targets.difference_update(row[TARGET] for row in receipts.returned)
            self._poison_search.settled(len(window.rows))
            for connection in (self._source, self._broker):
                connection.succeeded()
            self._timing.wake(now)
            self._report.settled(source, window, receipts)
            if self._sends is not None:
                self._sends.settled(window.rows, receipts, window.published_at)

    def _end_blocks(self, source: Source, now: float) -> None:
        """Looks now and then whether what is held back is still there, and ends the blocks of what is not."""
        if now < self._next_look or not self._backoffs.keys() or not source.partitions:
            return
        self._next_look = now + _LOOK_S
        if self._backoffs.keep(source.present(self._backoffs.keys())):
            self._timing.wake(now)

    def _lift_blocks(self, broker: Publisher, now: float) -> None:
        """Tries again what was held back for long enough; a missing log is declared first, a queue looked for."""
        for backoff in self._backoffs.due(now):
            if backoff.kind is Kind.TARGET and not self._targets.is_there_again(backoff, broker.known_targets, now):
                continue
            self._backoffs.lift(backoff, now)
            self._timing.wake(now)
            if backoff.alone:
                self._poison_search.try_alone()

    def _has_room(self, broker: Publisher) -> bool:
        return broker.has_room(1 if self._poison_search.one_by_one else self._windows)

    def _wait(self, source: Source | None, broker: Publisher | None) -> None:
        """Waits until a writer nudges, the broker says or takes something, or it is time to look."""
        timeout_s = _LONGEST_WAIT_S
        if source is None or broker is None:
            timeout_s = 0.02
        elif self._guard is not None and self._guard.problem is not None:
            timeout_s = min(self._guard.wait_s, _LONGEST_WAIT_S)
        elif self._has_room(broker):
            if source.has_more:
                return
            timeout_s = max(0.0, min(self._timing.due_at(source.is_nudged) - time.monotonic(), _LONGEST_WAIT_S))
        # A source that is nudged already only waits until its next fetch is due: more nudges need not end the wait.
        nudges = source.fileno() if source is not None and not source.is_nudged else None
        reading = [self._targets.fileno()] + ([] if nudges is None else [nudges])
        writing: list[int] = []
        if broker is not None:
            reading += broker.waiting.reading
            writing += broker.waiting.writing
        readable, _, _ = select.select(reading, writing, [], timeout_s)
        if self._targets.fileno() in readable:
            self._targets.drain_notifications()
        if source is not None and nudges in readable:
            source.drain_notifications()

    def _source_was_lost(self, lost: SourceLostError, now: float) -> None:
        """Starts afresh on both sides: ids are good only for the connection that they were read on."""
        self._undeleted = False
        self._source.lost(Problem(lost.reason, str(lost)), now)
        closed = "closed by the relay until its database answers again: what was under way is read anew then"
        self._broker.lost(Problem(Reason.SOURCE_AWAY, closed), now)
        self._targets.reset_in_flight()

    def _broker_was_lost(self, lost: BrokerLostError, now: float) -> None:
        """Counts nothing as in flight any more: it is still in the outbox, and is fetched again."""
        if isinstance(lost, PublishingRefusedError) and self._broker.current is not None:
            poison = self._poison_search.closed(self._broker.current.in_flight())
            if poison is not None:
                self._note_quarantine(poison, str(lost))
                self._backoffs.poison(poison, str(lost), now)
        problem = Problem(lost.reason, str(lost))
        self._broker.lost(problem, now, needs_operator=isinstance(lost, OwnedByAnotherError))
        self._targets.reset_in_flight()
        self._timing.wake(now)
        if self._source.current is not None:
            self._source.current.reset_in_flight()

    def _note_quarantine(self, row: Row, text: str) -> None:
        name = row[MESSAGE_ID].hex() or str(row[KEY])
        _log.error(
            "message %s to %.120s is held back, with its subject %.120s: %s", name, row[TARGET], row[SUBJECT], text
        )
        metrics.refused.inc()

    def _drain(self) -> None:
        """Settles what is in flight, then lets go of everything at once."""
        deadline = time.monotonic() + _DRAIN_S
        source, broker = self._source.current, self._broker.current
        try:
            while source and broker and broker.in_flight() and time.monotonic() < deadline:
                select.select([*broker.waiting.reading, self._targets.fileno()], [], [], 0.05)
                self._targets.drain_notifications()
                self._settle(source, broker, time.monotonic())
                source.heartbeat(time.monotonic())
            if source:
                source.drain()
        except (SourceLostError, BrokerLostError) as lost:
            _log.warning("stopped before everything in flight was settled, which is sent again: %s", lost)
        self._source.close()
        self._broker.close()
