"""Messages that could not be applied, or that wait for one before them: kept in the service's own database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pymongo import UpdateMany, UpdateOne

from services.chassis.consumer.backoff import pause_s
from services.chassis.consumer.contents import contents_of, whole
from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.failure import kept
from services.chassis.consumer.fairness import fairly
from services.chassis.consumer.held_now import PARKED, WAITING, HeldNow
from services.chassis.consumer.parking import BLOCKED_S, FRESH_S, LOOKED_AT_ONCE
from services.chassis.consumer.sequence import Subject
from services.chassis.envelope import Incoming, MalformedMessage
from services.chassis.identifiers import new_id
from services.chassis.log_parts import is_log
from services.chassis.mongo.storage import MongoDatabase, now

_WITHOUT_CONTENT = {"properties": False, "body": False}
_READABLE: dict[str, Any] = {"unreadable": {"$ne": True}}


@dataclass(frozen=True, slots=True)
class Held:
    """A parked or waiting message, its content still in the database. One that only waits has no error."""

    id: UUID
    subject: str
    sequence: int | None
    message_id: UUID
    error: str | None
    attempts: int
    retry_at: datetime
    parked_at: datetime


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
        properties, body = contents_of(delivery)
        held: dict[str, Any] = {
            "_id": new_id(),
            "properties": properties,
            "body": body,
            "error": None if error is None else kept(error),
            "unreadable": isinstance(error, MalformedMessage),
            "attempts": 0 if error is None else 1,
            "parked_at": at,
        }
        if isinstance(delivery.message, Incoming):
            held |= {name: properties[name] for name in ("source", "subject", "sequence", "type")}
            waits_s = 0.0 if is_log(self.channel) else BLOCKED_S
            held["retry_at"] = at + timedelta(seconds=waits_s if error is None else pause_s(1))
        else:
            held |= dict.fromkeys(("source", "subject", "sequence", "type", "retry_at"))
        key = {"channel": self.channel, "message_id": delivery.identity}
        self._collection.update_one(key, {"$setOnInsert": held}, upsert=True)

    def release(self, held: Held) -> None:
        """Forgets a message that was applied, or that needs to be applied no longer.

        The one behind it in an inbox is woken first: if that is all that is done, this one is tried again, too.
        """
        if not is_log(self.channel):
            behind = {"channel": self.channel, "subject": held.subject, "_id": {"$gt": held.id}}
            following = self._collection.find_one(behind | _READABLE, _WITHOUT_CONTENT, sort=[("_id", 1)])
            if following is not None and following["error"] is None:
                self._put_off([following["_id"]], 0.0)
        self._collection.delete_one({"_id": held.id})

    def wake_after(self, last: Mapping[Subject, int]) -> None:
        """Makes the events due that waited for the last sequences of their subjects, which are applied now."""
        at = now(self._database)
        waits = {"channel": self.channel, "error": None, "retry_at": {"$gt": at}}
        self._collection.bulk_write(
            [
                UpdateMany(
                    waits | {"subject": subject.subject, "sequence": {"$gt": done, "$lte": done + LOOKED_AT_ONCE}},
                    {"$set": {"retry_at": at}},
                )
                for subject, done in last.items()
            ],
            ordered=False,
        )

    def failed_again(self, held: Held, error: BaseException) -> None:
        """Notes another failure and when to try next."""
        retry_at = now(self._database) + timedelta(seconds=pause_s(held.attempts + 1))
        unreadable = isinstance(error, MalformedMessage)
        known = {"error": kept(error), "unreadable": unreadable, "retry_at": retry_at}
        change = {"$set": known, "$inc": {"attempts": 1}}
        self._collection.update_one({"_id": held.id}, change)

    def count(self) -> HeldNow:
        """Returns how many messages are held, and the oldest since when. Nothing is put off for a lock here."""
        found = self._collection.aggregate(
            [
                {"$match": {"channel": self.channel}},
                {
                    "$group": {
                        "_id": {"$cond": [{"$gt": ["$error", None]}, PARKED, WAITING]},
                        "messages": {"$sum": 1},
                        "oldest": {"$min": "$parked_at"},
                    }
                },
            ]
        )
        counted = {each["_id"]: each for each in found}
        return HeldNow(
            {state: each["messages"] for state, each in counted.items()},
            {state: each["oldest"].timestamp() for state, each in counted.items()},
        )

    def missing(self) -> int:
        """Returns how many events are missing: later ones of their subject are held, they are not."""
        sequences: dict[tuple[str, str], set[int]] = {}
        held = {"channel": self.channel, "sequence": {"$ne": None}}
        for each in self._collection.find(held, {"source": True, "subject": True, "sequence": True}):
            sequences.setdefault((each["source"], each["subject"]), set()).add(each["sequence"])
        of_them = {"subject": {"$in": [subject for _, subject in sequences]}}
        known = {
            (each["source"], each["subject"]): each["last"] for each in self._database["log_sequence"].find(of_them)
        }
        missing = 0
        for key, found in sequences.items():
            last = known.get(key, 0)
            beyond = {sequence for sequence in found if sequence > last}
            missing += max(beyond) - last - len(beyond) if beyond else 0
        return missing

    def due(self, at_once: int, at_most: int) -> tuple[list[Held], list[Held]]:
        """Returns messages that are not backing off: those that only waited, and fairly those that have failed.

        Args:
            at_once: So many of those that have been due for longest, and of those that only waited.
            at_most: So many of those that have failed least.
        """
        due = {"channel": self.channel, "retry_at": {"$lte": now(self._database)}}
        longest = [("retry_at", 1), ("_id", 1)]
        least = [("attempts", 1), ("retry_at", 1)]
        found: dict[UUID, Held] = {}
        for more, order, limit in (
            ({}, longest, at_once),
            ({"attempts": 0}, longest, at_once),
            ({"attempts": {"$gt": 0}}, least, at_most),
        ):
            for each in self._collection.find(due | more, _WITHOUT_CONTENT).sort(order).limit(limit):
                found.setdefault(each["_id"], _held(each))
        waited = [held for held in found.values() if held.error is None]
        return waited, fairly(held for held in found.values() if held.error is not None)

    def is_blocked(self, held: Held) -> bool:
        """Says whether an earlier message of an inbox's subject must be settled first."""
        first = {"channel": self.channel, "subject": held.subject, "_id": {"$lt": held.id}} | _READABLE
        return self._collection.find_one(first, {"_id": True}) is not None

    def put_off_blocked(self, blocked: Iterable[Held]) -> None:
        """Looks at messages of an inbox again when it is their turn, or in a while."""
        self._put_off([held.id for held in blocked], BLOCKED_S)

    def put_off_early(self, early: Iterable[Held]) -> None:
        """Looks at events again the later the longer they have waited already."""
        at = now(self._database)
        later = {}
        for held in early:
            waited_s = (at - held.parked_at).total_seconds()
            later[held.id] = at + timedelta(seconds=1.0 if waited_s < FRESH_S else min(waited_s / 8, BLOCKED_S))
        changes = [UpdateOne({"_id": held_id}, {"$set": {"retry_at": when}}) for held_id, when in later.items()]
        if changes:
            self._collection.bulk_write(changes, ordered=False)

    def _put_off(self, ids: list[UUID], pause: float) -> None:
        if ids:
            later = {"$set": {"retry_at": now(self._database) + timedelta(seconds=pause)}}
            self._collection.update_many({"_id": {"$in": ids}}, later)

    def message(self, held: Held) -> Incoming | None:
        """Returns the message itself, or None if an operator has discarded it meanwhile.

        Raises:
            MalformedMessage: It was too long to be kept whole.
        """
        found = self._collection.find_one({"_id": held.id})
        return None if found is None else whole(found["properties"], found["body"])

    def known(self, message_ids: Iterable[UUID]) -> set[UUID]:
        """Returns which of the messages are held."""
        wanted = {"channel": self.channel, "message_id": {"$in": list(message_ids)}}
        return {each["message_id"] for each in self._collection.find(wanted, {"message_id": True})}

    def subjects(self, subjects: Iterable[str]) -> set[str]:
        """Returns which of the subjects have messages held."""
        wanted = {"channel": self.channel, "subject": {"$in": list(subjects)}} | _READABLE
        return {each["subject"] for each in self._collection.find(wanted, {"subject": True})}

    def of_subject(self, subject: str) -> list[Held]:
        """Returns all held messages of one subject, oldest first."""
        wanted = {"channel": self.channel, "subject": subject}
        return [_held(each) for each in self._collection.find(wanted, _WITHOUT_CONTENT).sort("_id", 1)]


def _held(found: dict[str, Any]) -> Held:
    names = ("subject", "sequence", "message_id", "error", "attempts", "retry_at", "parked_at")
    return Held(found["_id"], **{name: found[name] for name in names})
