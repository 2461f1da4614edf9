"""How far the service's own logs were gone through: documents of `restore_progress`, which live as long as a restore.

A batch is written in several writes. So what it has that was said after the backup is noted before the first of them:
whoever goes on after a kill finds some of it in the database, and does it again all the same.
"""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Final
from uuid import UUID

from infirmary.mongo.storage import MongoCollection
from infirmary.restoring.database import Found, Place, found_in

PROGRESS: Final = "restore_progress"
"""The collection: `{_id: <log>, next_offset, found, under_way: [UUID]}`."""


def places(progress: MongoCollection) -> dict[str, Place]:
    """Returns the place of each log that has one."""
    return {each["_id"]: Place(each.get("next_offset"), found_in(each["found"])) for each in progress.find()}


def under_way(progress: MongoCollection, log: str) -> set[UUID]:
    """Returns the messages of a log that were said after the backup, and may be in the database already or not."""
    return set((progress.find_one({"_id": log}) or {}).get("under_way", ()))


def begin(progress: MongoCollection, log: str, found: Found, message_ids: Iterable[UUID]) -> None:
    """Notes what is to be written now.

    Args:
        progress: The collection.
        log: The log.
        found: What was found before.
        message_ids: The messages.
    """
    noted = {"$set": {"under_way": list(message_ids)}, "$setOnInsert": {"next_offset": None, "found": asdict(found)}}
    progress.update_one({"_id": log}, noted, upsert=True)


def move(progress: MongoCollection, log: str, next_offset: int | None, found: Found, left: Iterable[UUID]) -> None:
    """Notes how far a log has been gone through, what that has been, and what is under way behind it."""
    moved = {"next_offset": next_offset, "found": asdict(found), "under_way": list(left)}
    progress.update_one({"_id": log}, {"$set": moved}, upsert=True)


def forget(progress: MongoCollection) -> None:
    """Forgets all places: the restore is done."""
    progress.delete_many({})
