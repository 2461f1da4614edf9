"""Tells health and metrics how the relay is doing."""

from relay import metrics
from relay.blocks import Blocks, Kind
from relay.broker.publisher import Publisher
from relay.health import Health
from relay.reconnect import Reconnecting
from relay.sources.source import Source

_GAUGES_S = 0.5
_BACKLOG_S = 5.0
"""How often the backlog is counted: counting costs the database more than a poll."""


class Report:
    """What is told after every turn of the loop."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._next_gauges = self._next_backlog = 0.0

    def turned(self, source: Reconnecting[Source], broker: Reconnecting[Publisher], blocks: Blocks, now: float) -> None:
        """Notes a turn.

        Raises:
            SourceLostError: the database went away while its backlog was counted.
        """
        reasons = [f"{name}: {each.trouble}" for name, each in (("source", source), ("broker", broker)) if each.trouble]
        if source.current is not None and source.current.trouble is not None:
            reasons.append(f"source: {source.current.trouble}")
        if broker.current is not None and broker.current.blocked is not None:
            reasons.append(f"the broker takes nothing: {broker.current.blocked}")
        self._health.reasons = reasons + blocks.reasons()
        self._health.turned(now)
        metrics.turns.inc()
        if now >= self._next_gauges:
            self._next_gauges = now + _GAUGES_S
            _set_gauges(source.current, broker.current, blocks)
        if now >= self._next_backlog and source.current is not None:
            self._next_backlog = now + _BACKLOG_S
            backlog = source.current.backlog()
            metrics.depth.set(backlog.rows)
            metrics.oldest_age.set(backlog.oldest_age_s)


def _set_gauges(source: Source | None, broker: Publisher | None, blocks: Blocks) -> None:
    for kind in Kind:
        metrics.blocked.labels(kind.value).set(blocks.count(kind))
    metrics.in_flight.set(len(broker.in_flight()) if broker else 0)
    metrics.broker_blocked.set(bool(broker and broker.blocked))
    metrics.partitions.set(source.partitions if source else 0)
