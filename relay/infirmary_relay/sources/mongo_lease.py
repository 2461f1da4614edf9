"""Who owns which partitions of an outbox in MongoDB: leases by the database's clock, in place of PostgreSQL's locks.

A lease cannot stop a relay that was frozen in the middle of publishing: what it sends when it wakes are duplicates,
which their reader drops by `sequence`, and it deletes only what the broker confirmed to it.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from pymongo import UpdateOne
from pymongo.collection import Collection

from infirmary_relay import assignment

LEASE_S = 4.0
_MARGIN_S = 1.0
"""A relay stops using its leases this long before they end, by its own clock since before it asked for them."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# Compared as numbers: secantusdb finds a stored date neither less nor greater than $$NOW.
_IS_OVER = {"$lt": [{"$toLong": "$until"}, {"$toLong": "$$NOW"}]}
_IS_HELD = {"$gte": [{"$toLong": "$until"}, {"$toLong": "$$NOW"}]}
_log = logging.getLogger(__name__)

Documents: TypeAlias = Collection[dict[str, Any]]


class Leases:
    """The partitions of one relay."""

    def __init__(self, collection: Documents, relay_id: UUID) -> None:
        self._collection = collection
        self._me = str(relay_id)
        self._relay_id = relay_id
        self._next_heartbeat = self._valid_until = 0.0
        self._owned: frozenset[int] = frozenset()
        self._leased: frozenset[int] | None = None
        """What it held after the last renewal, also of what it only keeps until that has settled.

        None before the first, when a predecessor may have left some.
        """

    def owned(self, now: float) -> frozenset[int]:
        """What may be fetched: nothing once the leases may have run out."""
        return self._owned if now < self._valid_until else frozenset()

    def heartbeat(self, now: float, busy: Iterable[object]) -> bool:
        """Renews when it is time, takes and lets go of partitions; True when any are new.

        Args:
            now: this process's monotonic clock, in seconds.
            busy: partitions of which something is in flight; those that it holds are kept until it has settled.
        """
        if now < self._next_heartbeat:
            return False
        self._next_heartbeat = now + assignment.HEARTBEAT_S
        before = self.owned(now)
        wanted = assignment.share(self._relay_id, self._others_alive())
        # Not what it owned: what another relay waits for is owned no more, and nothing is by a relay that is late.
        asked = wanted | ((self._leased or frozenset()) & frozenset(busy))
        keeping = self._renew(asked)
        self._create(asked - keeping)
        self._owned = keeping & wanted
        self._valid_until = now + LEASE_S - _MARGIN_S
        if self._leased is None or self._leased - keeping:
            self._release_all_but(keeping)
        self._leased = keeping
        if self._owned != before:
            _log.info("now owns %d of %d partitions", len(self._owned), assignment.PARTITIONS)
        return bool(self._owned - before)

    def release_all(self) -> None:
        """Lets everything go and tells the others."""
        self._collection.delete_one({"_id": self._me})
        self._release_all_but(())

    def _others_alive(self) -> list[UUID]:
        until = [{"$set": {"until": {"$add": ["$$NOW", int(assignment.SILENT_S * 1000)]}, "is_relay": True}}]
        self._collection.update_one({"_id": self._me}, until, upsert=True)
        alive = self._collection.find({"is_relay": True, "$expr": _IS_HELD}, {"_id": True})
        self._collection.delete_many({"is_relay": True, "$expr": _IS_OVER})
        return [UUID(relay["_id"]) for relay in alive]

    def _renew(self, partitions: Iterable[int]) -> frozenset[int]:
        mine = {"holder": self._me}
        free: Mapping[str, Any] = {"_id": {"$in": sorted(partitions)}, "$or": [mine, {"$expr": _IS_OVER}]}
        until = {"$add": ["$$NOW", int(LEASE_S * 1000)]}
        self._collection.update_many(free, [{"$set": {"holder": self._me, "until": until}}])
        held = self._collection.find({"_id": {"$in": sorted(partitions)}, **mine}, {"_id": True})
        return frozenset(lease["_id"] for lease in held)

    def _create(self, partitions: Iterable[int]) -> None:
        """Makes the leases that do not exist yet, free; somebody else's stay as they are."""
        free = {"$setOnInsert": {"holder": None, "until": _LONG_AGO}}
        writes = [UpdateOne({"_id": partition}, free, upsert=True) for partition in sorted(partitions)]
        if writes and self._collection.bulk_write(writes).upserted_count:
            self._next_heartbeat = 0.0

    def _release_all_but(self, keeping: Iterable[int]) -> None:
        others = {"holder": self._me, "_id": {"$nin": sorted(keeping)}}
        self._collection.update_many(others, {"$set": {"holder": None, "until": _LONG_AGO}})
