"""What waits in the outboxes of MongoDB's documents."""

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from bson.errors import BSONError

from infirmary_relay.sources.mongo_deletions import Deletions
from infirmary_relay.sources.mongo_entries import holds_free, key_of, written_at
from infirmary_relay.sources.mongo_lease import Documents
from infirmary_relay.sources.mongo_reading import some_free
from infirmary_relay.sources.source import Backlog, HeldBack

_COUNTED_DOCUMENTS = 10_000
_LOOKED_AT = 100
"""Documents that are asked when their messages were written, and whether these can be delivered: the oldest."""
_TOLD = {"outbox.created_at": 1, "outbox.target": 1, "outbox.subject": 1, "outbox_partition": 1, "outbox_since": 1}
_WAITING: Mapping[str, Any] = {"outbox_since": {"$exists": True}}


def measure(documents: Documents, mine: Mapping[str, Any], deletions: Deletions, held_back: HeldBack) -> Backlog:
    """Looks at the documents that have messages, counting no further than 10,000.

    Args:
        documents: the collection.
        mine: finds those with messages in the partitions of this relay.
        deletions: what was confirmed and is not deleted yet.
        held_back: what is not expected to be delivered.
    """
    count = documents.count_documents(_WAITING, limit=_COUNTED_DOCUMENTS)
    if not count:
        return Backlog(0, 0.0, is_deliverable=False)
    oldest_at = min(map(written_at, _oldest(documents, _WAITING)), default=math.inf)
    if deletions.are_too_many_refused:
        return Backlog(count, oldest_at, is_deliverable=False)
    sent = {document for document, _ in deletions.items()}
    unsent = (each for each in _oldest(documents, {**mine, **some_free(held_back)}) if key_of(each["_id"]) not in sent)
    return Backlog(count, oldest_at, any(holds_free(each, held_back) for each in unsent))


def _oldest(documents: Documents, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Finds what is told of the oldest documents, without the messages themselves; what cannot be read ends it."""
    with suppress(BSONError):
        yield from documents.find(query, _TOLD).sort("outbox_since", 1).limit(_LOOKED_AT)
