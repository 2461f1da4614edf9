"""Tells health and metrics how the relay is doing."""

import math
import time

from infirmary_relay import metrics
from infirmary_relay.backoff import Backoffs, Kind
from infirmary_relay.broker.publisher import Publisher
from infirmary_relay.health import Health
from infirmary_relay.problem import Problem, Reason
from infirmary_relay.progress import Progress
from infirmary_relay.reconnect import Reconnecting
from infirmary_relay.sources.source import Backlog, Source
from infirmary_relay.window import Receipts, Window

_TELL_S = 0.2
"""How often it is told that all is well, which is a part of what a relay at rest costs; what is not is told at once."""
_BACKLOG_S = 5.0
"""How often the backlog is measured: measuring costs the database more than a poll."""


class Report:
    """What is told after every iteration of the loop, and of every window that has settled."""

    def __init__(self, health: Health, progress: Progress) -> None:
        self._health = health
        self._progress = progress
        self._next_tell = self._next_backlog = 0.0
        self._is_well = False
        self._waits_since: float | None = None
        """When it was first seen that something waits of which no writer has told a time that can be."""

    def settled(self, source: Source, window: Window, receipts: Receipts) -> None:
        """Notes what became of a window: once for all its messages, however many."""
        if receipts.confirmed:
            self._progress.confirmed()
            metrics.confirmed.inc(len(receipts.confirmed))
            confirmed_at = time.time()
            metrics.confirmed_at.set(confirmed_at)
            waited_s = confirmed_at - source.created_at(window.rows[0])
            if math.isfinite(waited_s):
                metrics.delivery.observe(max(0.0, waited_s))
        metrics.confirm.observe(window.settled_at - window.published_at)
        metrics.batch.observe(len(window.rows))
        metrics.returned.inc(len(receipts.returned))
        metrics.refused.inc(len(receipts.refused))

    def iterated(
        self,
        source: Reconnecting[Source],
        broker: Reconnecting[Publisher],
        backoffs: Backoffs,
        now: float,
        kept_by: Problem | None = None,
    ) -> None:
        """Notes an iteration of the loop.

        Args:
            source: the database's connection, or why there is none.
            broker: the broker's.
            backoffs: what is held back.
            now: the loop's monotonic clock, in seconds.
            kept_by: why nothing is published although both servers are there.

        Raises:
            SourceLostError: the database went away while its backlog was measured.
        """
        metrics.iterations.inc()
        outbox = source.current
        could_deliver = outbox is not None and broker.current is not None and broker.current.blocked is None
        could_deliver = could_deliver and kept_by is None
        self._progress.iterated(now, could_deliver=could_deliver)  # however short a connection is
        is_due = now >= self._next_tell
        if not is_due and self._is_well and could_deliver and not backoffs.keys():
            return
        kept = [kept_by] if kept_by is not None and outbox is not None and broker.current is not None else []
        problems = [*_problems_of_servers(source, broker), *kept, *backoffs.problems(), *self._stalled()]
        self._is_well = not problems
        self._health.iterated(
            now,
            problems,
            wants_restart=self._progress.wants_restart,
            floor_held_since=outbox.floor_held_since if outbox is not None else None,
        )
        if is_due:
            self._next_tell = now + _TELL_S
            self._set_gauges(outbox, broker.current, backoffs)
        if now >= self._next_backlog and outbox is not None:
            self._next_backlog = now + _BACKLOG_S
            backlog = outbox.backlog(backoffs.known())
            if backlog is not None:
                self._measured(backlog)

    def _stalled(self) -> list[Problem]:
        since = self._progress.stalled_since
        if since is None:
            return []
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))
        return [Problem(Reason.STALLED, f"stalled: messages could be delivered, and none was confirmed since {at}")]

    def _measured(self, backlog: Backlog) -> None:
        now = time.time()
        oldest_at = backlog.oldest_at
        if not backlog.messages or 0 < oldest_at <= now:
            self._waits_since = None
        else:
            oldest_at = self._waits_since = self._waits_since or now
        metrics.waiting.set(backlog.messages)
        metrics.oldest.set(oldest_at if backlog.messages else 0.0)
        metrics.measured.set(now)
        self._progress.measured(deliverable=backlog.is_deliverable, at=now)

    def _set_gauges(self, source: Source | None, broker: Publisher | None, backoffs: Backoffs) -> None:
        metrics.iterated_at.set(time.time())
        for kind in Kind:
            metrics.blocked.labels(kind.value).set(backoffs.count(kind))
        metrics.in_flight.set(len(broker.in_flight()) if broker else 0)
        metrics.broker_blocked.set(bool(broker and broker.blocked))
        metrics.partitions.set(source.partitions if source else 0)
        metrics.stalled_since.set(self._progress.stalled_since or 0.0)


def _problems_of_servers(source: Reconnecting[Source], broker: Reconnecting[Publisher]) -> list[Problem]:
    problems = [
        Problem(each.last_error.reason, f"{name}: {each.last_error.text}")
        for name, each in ((metrics.SOURCE, source), (metrics.BROKER, broker))
        if each.last_error is not None
    ]
    if source.current is not None and source.current.last_error is not None:
        reason, text = source.current.last_error
        problems.append(Problem(reason, f"{metrics.SOURCE}: {text}"))
    if broker.current is not None and broker.current.blocked is not None:
        problems.append(Problem(Reason.BROKER_BLOCKED, f"the broker takes nothing: {broker.current.blocked}"))
    return problems
