"""Messages that could not be applied, or that wait for one before them: kept in the service's own database."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.chassis.consumer.backoff import pause_s
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.parking import describe
from services.chassis.envelope import Incoming, MalformedMessage, printable, stored
from services.chassis.identifiers import new_id
from services.chassis.mongo.storage import MongoDatabase, now

MAX_BODY_BYTES = 8 * 1024 * 1024
"""A document holds 16 MiB at the most; of a longer body the beginning is kept, which no real message of ours has."""

_WITHOUT_CONTENT = {"properties": False, "body": False}


@dataclass(frozen=True, slots=True)
class Held:
    """A parked or waiting message, its content still in the database. One that only waits has no error."""

    id: UUID
    subject: str
    sequence: int | None
    error: str | None
    attempts: int


class HeldMessages:
    """The held messages of one channel: a log or the inbox queue."""

    def __init__(self, database: MongoDatabase, channel: str) -> None:
        self.channel = channel
        self._database = database
        self._collection = database["parked_message"]

    def hold(self, delivery: Delivery, error: BaseException | None) -> None:
        """Keeps a message, once. Without an error it waits for its predecessor.

        One whose attributes cannot be read is never retried: it waits for a person.
        """
        at = now(self._database)
        kept: dict[str, Any] = {
            "_id": new_id(),
            "body": delivery.body[:MAX_BODY_BYTES],
            "error": None if error is None else describe(error),
            "unreadable": isinstance(error, MalformedMessage),
            "attempts": 0 if error is None else 1,
            "parked_at": at,
        }
        match delivery.message:
            case Incoming() as message:
                attributes = message.attributes()
                kept |= {name: attributes[name] for name in ("source", "subject", "sequence", "type")}
                retry_at = at + timedelta(seconds=0 if error is None else pause_s(1))
                kept |= {"properties": attributes, "retry_at": retry_at}
            case _:
                kept |= dict.fromkeys(("source", "subject", "sequence", "type", "retry_at"))
                kept |= {"properties": printable(delivery.properties)}
        key = {"channel": self.channel, "message_id": delivery.identity}
        self._collection.update_one(key, {"$setOnInsert": kept}, upsert=True)

    def release(self, held: Held) -> None:
        """Forgets a message that was applied, or that needs to be applied no longer."""
        self._collection.delete_one({"_id": held.id})

    def failed_again(self, held: Held, error: BaseException) -> None:
        """Notes another failure and when to try next."""
        retry_at = now(self._database) + timedelta(seconds=pause_s(held.attempts + 1))
        unreadable = isinstance(error, MalformedMessage)
        kept = {"error": describe(error), "unreadable": unreadable, "retry_at": retry_at}
        change = {"$set": kept, "$inc": {"attempts": 1}}
        self._collection.update_one({"_id": held.id}, change)

    def count(self) -> int:
        """Returns how many messages are held."""
        return self._collection.count_documents({"channel": self.channel})

    def missing(self) -> int:
        """Returns how many events are missing: later ones of their subject are held, they are not."""
        sequences: dict[tuple[str, str], set[int]] = {}
        held = {"channel": self.channel, "sequence": {"$ne": None}}
        for each in self._collection.find(held, {"source": True, "subject": True, "sequence": True}):
            sequences.setdefault((each["source"], each["subject"]), set()).add(each["sequence"])
        missing = 0
        for (source, subject), found in sequences.items():
            known = self._database["log_sequence"].find_one({"source": source, "subject": subject}) or {"last": 0}
            beyond = {sequence for sequence in found if sequence > known["last"]}
            missing += max(beyond) - known["last"] - len(beyond) if beyond else 0
        return missing

    def due_in_log(self) -> Iterator[Held]:
        """Returns the messages that are not backing off, in the order of their sequences."""
        due = {"channel": self.channel, "retry_at": {"$lte": now(self._database)}}
        return map(_held, self._collection.find(due, _WITHOUT_CONTENT).sort([("sequence", 1), ("_id", 1)]))

    def due_in_inbox(self) -> Iterator[Held]:
        """Returns the first held message of each subject, if it is not backing off."""
        at = now(self._database)
        seen: set[str] = set()
        for each in self._collection.find({"channel": self.channel}, _WITHOUT_CONTENT).sort("_id", 1):
            if each["retry_at"] is not None and each["subject"] not in seen:
                if not each.get("unreadable"):
                    seen.add(each["subject"])
                if each["retry_at"] <= at:
                    yield _held(each)

    def message(self, held: Held) -> Incoming | None:
        """Returns the message itself, or None if an operator has discarded it meanwhile."""
        found = self._collection.find_one({"_id": held.id})
        return None if found is None else stored(found["properties"], found["body"])

    def known(self, message_ids: Iterable[UUID]) -> set[UUID]:
        """Returns which of the messages are held."""
        wanted = {"channel": self.channel, "message_id": {"$in": list(message_ids)}}
        return {each["message_id"] for each in self._collection.find(wanted, {"message_id": True})}

    def subjects(self, subjects: Iterable[str]) -> set[str]:
        """Returns which of the subjects have messages held."""
        wanted = {"channel": self.channel, "subject": {"$in": list(subjects)}, "unreadable": {"$ne": True}}
        return {each["subject"] for each in self._collection.find(wanted, {"subject": True})}

    def of_subject(self, subject: str) -> list[Held]:
        """Returns all held messages of one subject, oldest first."""
        wanted = {"channel": self.channel, "subject": subject}
        return [_held(each) for each in self._collection.find(wanted, _WITHOUT_CONTENT).sort("_id", 1)]


def _held(found: dict[str, Any]) -> Held:
    return Held(found["_id"], found["subject"], found["sequence"], found["error"], found["attempts"])
