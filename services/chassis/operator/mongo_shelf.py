"""The parked messages of a service with a MongoDB database."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.chassis.mongo.storage import MongoDatabase, now
from services.chassis.operator.parked import Parked

_FIELDS = (
    *("channel", "source", "type", "subject", "sequence", "message_id"),
    *("error", "attempts", "retry_at", "parked_at", "properties", "body"),
)


@dataclass(frozen=True, slots=True)
class MongoShelf:
    """Works with single-document writes, as the service itself does."""

    database: MongoDatabase

    def everything(self) -> list[Parked]:
        """Returns all held messages, oldest first."""
        return [_parked(found) for found in self.database["parked_message"].find().sort("_id", 1)]

    def find(self, parked_id: str) -> Parked | None:
        """Returns a held message."""
        found = self.database["parked_message"].find_one({"_id": _as_id(parked_id)})
        return None if found is None else _parked(found)

    def retry(self, parked_id: str | None) -> int:
        """Makes a message, or all of them, due now."""
        wanted: dict[str, Any] = {"type": {"$ne": None}}
        if parked_id is not None:
            wanted["_id"] = _as_id(parked_id)
        due = self.database["parked_message"].update_many(wanted, {"$set": {"retry_at": now(self.database)}})
        return due.matched_count

    def last_applied(self, source: str, subject: str) -> int:
        """Returns the last sequence of a subject that was applied or passed."""
        found = self.database["log_sequence"].find_one({"source": source, "subject": subject})
        return 0 if found is None else int(found["last"])

    def forget(self, held: Parked, pass_sequence: bool) -> None:
        """Passes the sequence, deletes, and wakes those behind it.

        What is left if only the first succeeds is dropped as a duplicate.
        """
        if pass_sequence:
            key = {"source": held.source, "subject": held.subject}
            self.database["log_sequence"].update_one(key, {"$max": {"last": held.sequence}}, upsert=True)
        self.database["parked_message"].delete_one({"_id": held.id})
        behind = {"channel": held.channel, "subject": held.subject, "error": None}
        self.database["parked_message"].update_many(behind, {"$set": {"retry_at": now(self.database)}})


def _as_id(parked_id: str) -> UUID | None:
    try:
        return UUID(parked_id)
    except ValueError:
        return None


def _parked(found: dict[str, Any]) -> Parked:
    return Parked(id=found["_id"], **{name: found[name] for name in _FIELDS})
