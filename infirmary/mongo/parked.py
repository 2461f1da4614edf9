"""The held messages of a service with a MongoDB database: documents of `parked_message`, each change a write."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pymongo import UpdateMany, UpdateOne

from infirmary.consumer.backoff import pause_s
from infirmary.consumer.contents import contents_of
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.due import Due
from infirmary.consumer.failure import kept
from infirmary.consumer.held_now import PARKED, WAITING, HeldNow
from infirmary.consumer.parked import WOKEN_AT_ONCE, ParkedId, ParkedMessage
from infirmary.consumer.sequence import Last, NumberGivenOutTwice
from infirmary.identifiers import new_id
from infirmary.mongo.sequences import last_of, raise_to
from infirmary.mongo.storage import MongoDatabase, now
from infirmary.transport.envelope import Incoming, MalformedMessage
from infirmary.transport.log_names import writer_of

_logger = logging.getLogger(__name__)

_WITHOUT_CONTENT: Final = {"properties": False, "body": False}
_FIELDS: Final = (
    *("channel", "source", "type", "subject", "sequence", "message_id"),
    *("error", "attempts", "retry_at", "parked_at", "properties", "body"),
)


class MongoParked:
    """Works with single-document writes, as the service itself does."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database, self._collection = database, database["parked_message"]
        self._released: list[ParkedId] = []

    def hold(self, channel: str, delivery: Delivery, error: BaseException | None, *, is_put_off: bool = False) -> None:  # noqa: ARG002 - nobody holds locks here
        """Keeps a message, once; of one that was only waiting it is known from now on what it fails with."""
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
            retry_at = at + timedelta(seconds=0.0 if error is None else pause_s(1))
            held["retry_at"] = None if isinstance(error, NumberGivenOutTwice) else retry_at
        else:
            held |= dict.fromkeys(("source", "subject", "sequence", "type", "retry_at"))
        key = {"channel": channel, "message_id": delivery.identity}
        kept_before = self._collection.update_one(key, {"$setOnInsert": held}, upsert=True).matched_count
        if kept_before and error is not None:
            failure = {name: held[name] for name in ("error", "unreadable", "attempts", "retry_at")}
            self._collection.update_one(key | {"error": None}, {"$set": failure})

    def look(self, channel: str, at_once: int, at_most: int) -> list[Due]:
        """Returns messages that are due, in the order of their sequences."""
        at = now(self._database)
        due = {"channel": channel, "retry_at": {"$lte": at}}
        longest = [("retry_at", 1), ("_id", 1)]
        least = [("attempts", 1), ("retry_at", 1)]
        found: dict[UUID, dict[str, Any]] = {}
        for more, order, limit in (
            ({}, longest, at_once),
            ({"attempts": 0}, longest, at_once),
            ({"attempts": {"$gt": 0}}, least, at_most),
        ):
            for each in self._collection.find(due | more, _WITHOUT_CONTENT).sort(order).limit(limit):
                found.setdefault(each["_id"], each)
        last = last_of(self._database, channel, {each["subject"] for each in found.values()})
        in_order = sorted(found.values(), key=lambda each: (each["sequence"] or 0, each["_id"]))
        return [_due(each, at, _sequence(last.get(each["subject"]))) for each in in_order]

    def take(self, ids: Sequence[ParkedId]) -> list[ParkedMessage]:
        """Returns messages in the order of their ids' list, but for those that are gone."""
        found = {each["_id"]: _parked(each) for each in self._collection.find({"_id": {"$in": list(ids)}})}
        return [found[each] for each in ids if each in found]

    def of_subject(self, channel: str, subject: str) -> list[ParkedMessage]:
        """Returns all messages of one subject, in the order of their sequences."""
        wanted = {"channel": channel, "subject": subject, "_id": {"$nin": self._released}}
        return [_parked(each) for each in self._collection.find(wanted).sort([("sequence", 1), ("_id", 1)])]

    def release(self, held: ParkedMessage) -> None:
        """Forgets a message that was applied, or that needs to be applied no longer, once `delete_released` follows."""
        self._released.append(held.id)

    def delete_released(self) -> None:
        """Deletes what was released, once it is noted that it was applied."""
        if not self._released:
            return
        gone = len(self._released) - self._collection.delete_many({"_id": {"$in": self._released}}).deleted_count
        self._released = []
        if gone:
            _logger.warning("tried while somebody removed them: %d; if discarded, they may be applied", gone)

    def failed_again(self, held: ParkedMessage, error: BaseException) -> None:
        """Notes another failure and when to try next."""
        known = {
            "error": kept(error),
            "unreadable": held.unreadable or isinstance(error, MalformedMessage),
            "retry_at": now(self._database) + timedelta(seconds=pause_s(held.attempts + 1)),
        }
        self._collection.update_one({"_id": held.id}, {"$set": known, "$inc": {"attempts": 1}})

    def put_off(self, held: ParkedMessage) -> None:
        """Tries a message again soon; nothing is put off for a lock here."""
        self.postpone({held.id: pause_s(1)})

    def postpone(self, pauses_s: Mapping[ParkedId, float]) -> None:
        """Looks at messages again after a pause each."""
        if pauses_s:
            at = now(self._database)
            later = {held_id: at + timedelta(seconds=each_s) for held_id, each_s in pauses_s.items()}
            self._collection.bulk_write(
                [UpdateOne({"_id": held_id}, {"$set": {"retry_at": when}}) for held_id, when in later.items()],
                ordered=False,
            )

    def wake_after(self, channel: str, last: Mapping[str, int]) -> None:
        """Makes the messages due that waited for the last sequences of their subjects, which are applied now."""
        at = now(self._database)
        waits = {"channel": channel, "error": None, "retry_at": {"$gt": at}}
        self._collection.bulk_write(
            [
                UpdateMany(
                    waits | {"subject": subject, "sequence": {"$gt": done, "$lte": done + WOKEN_AT_ONCE}},
                    {"$set": {"retry_at": at}},
                )
                for subject, done in last.items()
            ],
            ordered=False,
        )

    def count(self, channel: str) -> HeldNow:
        """Returns how many messages of a log are held, and the oldest since when."""
        found = self._collection.aggregate(
            [
                {"$match": {"channel": channel}},
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

    def missing(self, channel: str) -> int:
        """Returns how many messages are missing: those that held ones of their subjects wait for."""
        sequences: dict[str, set[int]] = {}
        held = {"channel": channel, "source": writer_of(channel), "sequence": {"$ne": None}}
        for each in self._collection.find(held, {"subject": True, "sequence": True}):
            sequences.setdefault(each["subject"], set()).add(each["sequence"])
        last, missing = last_of(self._database, channel, sequences), 0
        for subject, found in sequences.items():
            done = _sequence(last.get(subject))
            beyond = {sequence for sequence in found if sequence > done}
            missing += max(beyond) - done - len(beyond) if beyond else 0
        return missing

    def some_due_failed(self, channel: str, at_once: int) -> bool | None:
        """Says whether any of those due for longest has failed before; None if nothing is due."""
        due = {"channel": channel, "retry_at": {"$lte": now(self._database)}}
        found = self._collection.find(due, {"error": True}).sort("retry_at", 1).limit(at_once)
        failed = [each["error"] is not None for each in found]
        return any(failed) if failed else None

    def everything(self) -> Iterable[ParkedMessage]:
        """Gives all messages, oldest first."""
        return (_parked(found) for found in self._collection.find().sort("_id", 1))

    def find(self, parked_id: str) -> ParkedMessage | None:
        """Returns a message by its id as a person has written it."""
        found = self._collection.find_one({"_id": _as_id(parked_id)})
        return None if found is None else _parked(found)

    def make_due(self, parked_id: str | None) -> int:
        """Makes a message, or all of them, due now, but for those whose attributes cannot be read."""
        wanted: dict[str, Any] = {"type": {"$ne": None}}
        wanted |= {"retry_at": {"$ne": None}} if parked_id is None else {"_id": _as_id(parked_id)}
        return self._collection.update_many(wanted, {"$set": {"retry_at": now(self._database)}}).matched_count

    def last_applied(self, channel: str, subject: str) -> int:
        """Returns the last sequence of a log's subject that was applied or passed; 0 for none."""
        return _sequence(last_of(self._database, channel, [subject]).get(subject))

    def pass_up_to(self, channel: str, last: Mapping[str, int]) -> None:
        """Lets subjects of a log go on behind sequences; one that is further already stays there."""
        raise_to(self._database, channel, {subject: Last(sequence) for subject, sequence in last.items()})

    def give_up(self, held: ParkedMessage) -> None:
        """Deletes a message and wakes those behind it."""
        self._collection.delete_one({"_id": held.id})
        if held.subject is not None:
            self.wake_after(held.channel, {held.subject: self.last_applied(held.channel, held.subject)})


def _due(found: Mapping[str, Any], at: datetime, last: int) -> Due:
    return Due(
        id=found["_id"],
        subject=found["subject"],
        sequence=found["sequence"],
        attempts=found["attempts"],
        retry_at=found["retry_at"],
        failed=found["error"] is not None,
        waited_s=(at - found["parked_at"]).total_seconds(),
        last=last,
    )


def _sequence(last: Last | None) -> int:
    return 0 if last is None else last.sequence


def _parked(found: Mapping[str, Any]) -> ParkedMessage:
    unreadable = bool(found.get("unreadable"))
    return ParkedMessage(id=found["_id"], unreadable=unreadable, **{name: found[name] for name in _FIELDS})


def _as_id(parked_id: str) -> UUID | None:
    try:
        return UUID(parked_id)
    except ValueError:
        return None
