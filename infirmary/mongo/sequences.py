"""The last messages of a log's subjects that were applied or passed: documents of `log_sequence`.

Their numbers only grow. What tells the last message from another one with its number is told with that number, so what
is of another message is known to be so.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from pymongo import UpdateOne

from infirmary.consumer.sequence import Fingerprint, Last
from infirmary.mongo.storage import MongoDatabase
from infirmary.transport.log_names import scope_of


def last_of(database: MongoDatabase, channel: str, subjects: Collection[str]) -> dict[str, Last]:
    """Returns those of some subjects; one that was never seen has none."""
    wanted = {"source": scope_of(channel), "subject": {"$in": list(subjects)}}
    return {each["subject"]: _last(each) for each in database["log_sequence"].find(wanted, {"_id": False})}


def raise_to(database: MongoDatabase, channel: str, last: Mapping[str, Last]) -> None:
    """Notes how far subjects have come; one that is further already stays there, whoever was replaced meanwhile."""
    scope = scope_of(channel)
    database["log_sequence"].bulk_write(
        [
            UpdateOne({"source": scope, "subject": subject}, _raised(each), upsert=True)
            for subject, each in last.items()
        ],
        ordered=False,
    )


def _raised(last: Last) -> dict[str, Any]:
    raised: dict[str, Any] = {"$max": {"last": last.sequence}}
    noted: dict[str, Any] = {}
    if last.fingerprint is not None:
        message_id, applied_at = last.fingerprint
        applied = datetime.fromtimestamp(applied_at, UTC)
        noted |= {"identified": last.sequence, "last_message_id": message_id, "applied_at": applied}
    if last.ends:
        noted |= {"ended": last.sequence, "ended_at": datetime.now(UTC)}
    return raised | {"$set": noted} if noted else raised


def _last(found: Mapping[str, Any]) -> Last:
    last = int(found["last"])
    if found.get("identified") != last:
        return Last(last)
    return Last(last, Fingerprint(found["last_message_id"], found["applied_at"].timestamp()))
