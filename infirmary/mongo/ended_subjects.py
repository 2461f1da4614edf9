"""Forgets the numbers of subjects that have ended, as a service with a PostgreSQL database does.

It only reads numbers: a document is numbered by itself. An end that something has followed counts for nothing: it has
another number than the last.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pymongo import DeleteOne, UpdateOne

from infirmary.consumer.ends import Beginnings, reader_forgets_before
from infirmary.mongo.storage import MongoDatabase
from infirmary.transport.log_names import parsed

_AT_ONCE: Final = 500
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class EndedSubjects:
    """Forgets them, each call some; readers are told before, so that they are forgotten in the next pass."""

    table: Final = "log_sequence"

    def __init__(
        self, database: MongoDatabase, days: float, beginnings: Beginnings, clock: Callable[[], float] = time.time
    ) -> None:
        """Prepares it.

        Args:
            database: The service's.
            days: For how long a reader remembers a subject at least.
            beginnings: Says when the first messages of logs were written.
            clock: Unix time.
        """
        self._sequences, self._readers = database["log_sequence"], database["log_reader"]
        self._parked, self._days = database["parked_message"], days
        self._beginnings, self._clock = beginnings, clock

    def some(self) -> bool:
        """Forgets some; says whether there may be more to be forgotten now."""
        logs: dict[str, dict[str, datetime]] = {}
        for each in self._readers.find({}, {"forgotten_before": True}):
            if not parsed(each["_id"]).of_commands:
                told = each.get("forgotten_before") or _LONG_AGO
                logs.setdefault(parsed(each["_id"]).writer, {})[each["_id"]] = told
        return max([self._forget(source, parts) for source, parts in logs.items()], default=0) >= _AT_ONCE

    def _forget(self, source: str, logs: Mapping[str, datetime]) -> int:
        now, told = self._clock(), min(logs.values())
        if not self._some(source, _LONG_AGO, _at(now - self._days * 86_400)):
            return 0
        began = self._beginnings(list(logs))
        if len(began) < len(logs):
            return 0
        # What is held of a subject keeps its place: without it, what waits behind a parked message would go before it.
        held = self._parked.distinct("subject", {"channel": {"$in": list(logs)}})
        unknown = self._unknown(source, {each for each in held if each is not None})
        before = _at(reader_forgets_before(now, self._days, min(began.values()), unknown))
        due = self._due(source, held, min(before, told))
        if due:
            self._sequences.bulk_write([_forgotten(each) for each in due], ordered=False)
        if len(due) < _AT_ONCE and self._some(source, told, before):
            self._readers.update_many({"_id": {"$in": list(logs)}}, {"$max": {"forgotten_before": before}})
        return len(due)

    def _due(self, source: str, held: list[Any], before: datetime) -> list[dict[str, Any]]:
        old = {"source": source, "ended_at": {"$lt": before}, "subject": {"$nin": held}}
        return list(self._sequences.find(old, {"last": True, "ended": True}).limit(_AT_ONCE))

    def _unknown(self, source: str, held: set[str]) -> set[str]:
        known = self._sequences.find({"source": source, "subject": {"$in": list(held)}}, {"subject": True})
        return held - {each["subject"] for each in known}

    def _some(self, source: str, since: datetime, before: datetime) -> bool:
        between = {"source": source, "ended_at": {"$gte": since, "$lt": before}}
        return self._sequences.find_one(between, {"_id": True}) is not None


def _forgotten(ended: Mapping[str, Any]) -> DeleteOne | UpdateOne:
    as_it_was = {"_id": ended["_id"], "last": ended["last"], "ended": ended["ended"]}
    if ended["last"] == ended["ended"]:
        return DeleteOne(as_it_was)
    return UpdateOne(as_it_was, {"$unset": {"ended": "", "ended_at": ""}})


def _at(unix_s: float) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)
