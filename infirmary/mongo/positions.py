"""The positions and readers of logs: a lease by the database's clock in place of PostgreSQL's advisory lock.

The lease keeps a second reader from doing the same work. It is not what keeps the offset right: a reader that was
frozen past its lease is stopped by the compare-and-set when it moves the offset, and what it did until then its
successor does again without effect.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pymongo.errors import DuplicateKeyError

from infirmary.consumer.delivery import Delivery
from infirmary.consumer.loss import Loss
from infirmary.consumer.position import Position
from infirmary.consumer.store import ReaderReplaced
from infirmary.mongo.sharing import Sharing
from infirmary.mongo.storage import MongoDatabase, now
from infirmary.transport.log_names import earlier_homes, scope_of

LEASE_S = 10.0
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class MongoPositions:
    """The logs that one process reads."""

    def __init__(self, database: MongoDatabase, holder: UUID) -> None:
        self._database = database
        self._collection = database["log_reader"]
        self._holder = holder
        self._owned: set[str] = set()
        self._sharing = Sharing(database, holder)

    def rank(self) -> tuple[int, int]:
        """Returns the place of this process among those that read parts of logs, and how many there are."""
        return self._sharing.rank()

    def note(self, log: str) -> None:
        """Notes that there is a log; it is free unless it was noted before."""
        free = {"holder": None, "until": _LONG_AGO}
        with suppress(DuplicateKeyError):  # somebody else has done so at the same moment
            self._collection.update_one({"_id": log}, {"$setOnInsert": free}, upsert=True)

    def own(self, log: str) -> bool:
        """Takes a log that nobody reads, or whose reader has been silent for the time of a lease."""
        at = now(self._database)
        free = {"_id": log, "$or": [{"holder": self._holder}, {"until": {"$lt": at}}]}
        try:
            self._collection.update_one(free, {"$set": self._lease(at)}, upsert=True)
        except DuplicateKeyError:
            return False  # it is there, but not free, so the upsert tried to insert it
        self._owned.add(log)
        return True

    def renew(self) -> None:
        """Renews the leases on all logs owned.

        Raises:
            ReaderReplaced: Another reader has taken one of them.
        """
        if not self._owned:
            return
        mine = {"_id": {"$in": sorted(self._owned)}, "holder": self._holder}
        renewed = self._collection.update_many(mine, {"$set": self._lease(now(self._database))})
        if renewed.matched_count < len(self._owned):
            raise ReaderReplaced(f"of the logs {sorted(self._owned)} another reader has taken one or more")

    def let_go(self, log: str) -> None:
        """Lets go of one log."""
        if log in self._owned:
            mine = {"_id": log, "holder": self._holder}
            self._collection.update_one(mine, {"$set": {"holder": None, "until": _LONG_AGO}})
            self._owned.remove(log)

    def release(self) -> None:
        """Lets go of all logs at once, and shares in none any more."""
        self._sharing.leave()
        self._collection.update_many({"holder": self._holder}, {"$set": {"holder": None, "until": _LONG_AGO}})
        self._owned.clear()

    def read(self, log: str) -> Position:
        """Returns how far a log was read."""
        homes = {each["_id"]: each for each in self._collection.find({"_id": {"$in": [log, *earlier_homes(log)]}})}
        found = homes.get(log, {})
        return Position(
            found.get("first_offset"),
            found.get("last_offset"),
            found.get("last_message_id"),
            max(filter(None, map(_complete_since, homes.values())), default=None),
            _loss(found),
            max((each["forgotten_before"] for each in homes.values() if each.get("forgotten_before")), default=None),
        )

    def offsets(self) -> dict[str, int | None]:
        """Returns the offset of every log that was ever read."""
        return {each["_id"]: each.get("last_offset") for each in self._collection.find({}, {"last_offset": True})}

    def move(self, log: str, position: Position, last: Delivery) -> Position:
        """Moves the offset behind a message.

        Raises:
            ReaderReplaced: The log has another reader, or the offset is not where this one left it.
        """
        moved = replace(position, last_offset=last.offset, last_message_id=last.identity)
        self._set(log, moved, {"last_offset": position.last_offset})
        return moved

    def start_over(self, log: str, complete_since: datetime | None) -> Position:
        """Forgets how far a log was read.

        Raises:
            ReaderReplaced: The log has another reader.
        """
        self._set(log, Position(complete_since=complete_since or self.read(log).complete_since), {})
        return self.read(log)

    def losses(self) -> dict[str, Loss]:
        """Returns what was lost of logs and parts, and their writers have not made up for."""
        found = self._collection.find({"lost_before": {"$exists": True}})
        return {each["_id"]: loss for each in found if (loss := _loss(each)) is not None}

    def forgotten_before(self) -> dict[str, datetime]:
        """Returns before when ended subjects of logs and parts may have been forgotten, where some may."""
        found = self._collection.find({"forgotten_before": {"$exists": True}})
        return {each["_id"]: each["forgotten_before"] for each in found}

    def note_loss(self, log: str, more: Loss) -> Loss:
        """Notes that messages of a log have expired before they were read. Returns all that is lost of it."""
        known = _loss(self._collection.find_one({"_id": log}) or {})
        loss = more if known is None else known.and_then(more)
        self._collection.update_one(
            {"_id": log}, {"$set": {"lost_messages": loss.messages, "lost_before": loss.before}}
        )
        return loss

    def settle_loss(self, log: str) -> None:
        """Forgets what was lost of a log: its writer has made up for it."""
        self._collection.update_one({"_id": log}, {"$unset": {"lost_messages": "", "lost_before": ""}})

    def go_on_without(self, log: str) -> None:
        """Notes that nobody has to do anything about what was lost of a log."""
        self._collection.update_one({"_id": log}, {"$unset": {"lost_messages": ""}})

    def forget_subjects(self, log: str) -> None:
        """Forgets the sequences of a log of commands that has lost some.

        Raises:
            ReaderReplaced: The log has another reader.
        """
        self.renew()
        self._database["log_sequence"].delete_many({"source": scope_of(log)})

    def _set(self, log: str, position: Position, expected: dict[str, Any]) -> None:
        offsets = {
            "first_offset": position.first_offset,
            "last_offset": position.last_offset,
            "last_message_id": position.last_message_id,
            "complete_since": position.complete_since,
        }
        changed = self._collection.update_one({"_id": log, "holder": self._holder, **expected}, {"$set": offsets})
        if changed.matched_count == 0:
            raise ReaderReplaced(f"{log}: it has another reader, or its offset is no longer {expected}")

    def _lease(self, at: datetime) -> dict[str, Any]:
        return {"holder": self._holder, "until": at + timedelta(seconds=LEASE_S)}


def _loss(found: Mapping[str, Any]) -> Loss | None:
    return Loss(found.get("lost_messages", 0), found["lost_before"]) if found.get("lost_before") is not None else None


def _complete_since(found: dict[str, Any]) -> datetime | None:
    known: datetime | None = found.get("complete_since")
    if known is None and (found.get("first_offset") or 0) > 0:
        return datetime.now(UTC)  # the release before has not noted it
    return known
