"""Which partitions are whose: a pure function of who is alive, so that all replicas come to the same answer."""

from collections.abc import Iterable
from uuid import UUID

PARTITIONS = 64
"""Fixed for ever: writers compute a row's partition with it."""

HEARTBEAT_S = 1.0
SILENT_S = 5.0
"""A holder that has not shown itself for so long is taken to be frozen."""


def share(own: UUID, alive: Iterable[UUID]) -> frozenset[int]:
    """The partitions that the relay `own` should hold while these are alive; shares differ by one at most."""
    members = sorted({own, *alive})
    return frozenset(range(members.index(own), PARTITIONS, len(members)))
