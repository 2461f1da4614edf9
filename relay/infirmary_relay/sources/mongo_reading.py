"""What the relay asks MongoDB for, and how it reads what cannot be read all at once."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from bson.errors import BSONError

from infirmary_relay import assignment
from infirmary_relay.sources.mongo_lease import Documents
from infirmary_relay.sources.source import HeldBack

_MOST_TOLD = 20
"""Names that the server is asked to leave out: it may compare each with each document."""


def marked(owned: AbstractSet[int]) -> dict[str, Any]:
    """Documents with messages, of the partitions owned; who owns the first takes those of no partition as well."""
    others = [partition for partition in range(assignment.PARTITIONS) if partition not in owned]
    mine = {"$nin": others} if 0 in owned else {"$in": sorted(owned)}
    return {"outbox_since": {"$exists": True}, "outbox_partition": mine}


def some_free(held_back: HeldBack) -> dict[str, Any]:
    """Documents that may hold something which is not held back; more than a few names cost more than they spare."""
    if not any(held_back):
        return {}
    free = {
        "target": {"$nin": sorted(held_back.targets)[:_MOST_TOLD]},
        "subject": {"$nin": sorted(held_back.subjects)[:_MOST_TOLD]},
    }
    empty_or_none = [{"outbox": {"$size": 0}}, {"outbox": {"$not": {"$type": "array"}}}]
    return {"$or": [{"outbox": {"$elemMatch": free}}, *empty_or_none]}


def found(documents: Documents, query: dict[str, Any], passed: int, page: int) -> Iterator[dict[str, Any]]:
    """Finds documents, oldest first; when one among them cannot be read, each of them is read alone."""
    try:
        yield from documents.find(query).sort("outbox_since", 1).skip(passed).limit(page)
    except BSONError:
        ids = documents.find(query, {"_id": True}).sort("outbox_since", 1).skip(passed).limit(page)
        for each in list(ids):
            yield _alone(documents, each["_id"])


def _alone(documents: Documents, document_id: Any) -> dict[str, Any]:
    try:
        document = documents.find_one({"_id": document_id})
    except BSONError as odd:
        return {"_id": document_id, "outbox": odd}
    return document or {"_id": document_id, "outbox": [], "outbox_partition": 0}
