"""An outbox in MongoDB: an array in each document, appended in the write that changes the document."""

import time
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from bson.errors import BSONError
from pymongo import UpdateOne
from pymongo.read_concern import ReadConcern

from relay import membership
from relay.message import BODY, KEY, SUBJECT, Key, Row
from relay.sources.mongo_entries import Entries, key_of, name_of, value_of
from relay.sources.mongo_lease import Documents, Leases
from relay.sources.mongo_session import connect, identity_of, lost_as_source_lost
from relay.sources.mongo_watch import Watch
from relay.sources.source import Backlog, Blocked

_COUNTED_DOCUMENTS = 10_000
_POLL_WHILE_LISTENING_S = 2.0


class MongoSource:
    """The outboxes of one collection; see Source for what its methods promise.

    A document with anything in flight is left alone until that has settled, so its messages keep their order.
    """

    watch_s = 0.0
    """A look at all documents is no trifle."""
    trouble = None

    def __init__(
        self,
        url: str,
        *,
        collection: str,
        service: str,
        relay_id: UUID,
        poll_s: float,
        batch_bytes: int,
        message_max_bytes: int,
        ca_file: Path | None = None,
    ) -> None:
        """Connects.

        Raises:
            SourceLostError: the database cannot be reached.
        """
        self._poll_s = poll_s
        self.has_more = False
        self.is_nudged = False
        self._entries = Entries(service, message_max_bytes)
        self._batch_bytes = batch_bytes
        self._in_flight: dict[Key, tuple[Key, set[Key]]] = {}
        self._confirmed: dict[Key, list[UUID]] = {}
        self._standing: dict[str, Any] = {}
        """The ids of documents that stand still as a whole, by the names that say so."""
        with lost_as_source_lost():
            self._client = connect(url, ca_file)
            database = self._client.get_default_database()
            self.identity = identity_of(database)
            # Majority: what is published must not be rolled back afterwards by a failover.
            self._documents: Documents = database.get_collection(collection, read_concern=ReadConcern("majority"))
            self._leases = Leases(database["outbox_lease"], relay_id)
        self._watch = Watch(self._client, collection)

    @property
    def poll_s(self) -> float:
        """How long to wait when nobody nudged: longer while the change stream nudges."""
        return max(self._poll_s, _POLL_WHILE_LISTENING_S) if self._watch.is_listening else self._poll_s

    @property
    def partitions(self) -> int:
        """How many partitions this relay owns."""
        return len(self._leases.owned(time.monotonic()))

    def fileno(self) -> int:
        """Returns the descriptor on which a nudge arrives."""
        return self._watch.fileno()

    def hear(self) -> None:
        """Reads the nudges that have come."""
        self.is_nudged = self._watch.hear() or self.is_nudged

    def keep_up(self, now: float) -> None:
        """Renews its leases, takes its share of the partitions and lets go of others."""
        with lost_as_source_lost():
            if self._leases.keep_up(now, {partition for partition, _ in self._in_flight.values()}):
                self.has_more = True

    def fetch(self, blocked: Blocked, rows: int) -> list[Row]:
        """Deletes the confirmed and returns the next messages, oldest document first."""
        self.is_nudged = False
        self.flush()
        batch: list[Row] = []
        size = 0
        self.has_more = False
        with lost_as_source_lost():
            for document in self._found(blocked, rows):
                taken: list[Row] = []
                for row in self._entries.rows(document, blocked):
                    size += len(row[BODY])
                    if len(batch) + len(taken) == rows or (size > self._batch_bytes and (batch or taken)):
                        self.has_more = True
                        break
                    taken.append(row)
                if taken:
                    batch += taken
                    self._take(document, taken)
                if self.has_more:
                    break
        self.has_more = self.has_more or len(batch) >= rows
        return batch

    def settle(self, confirmed: list[Key], kept: list[Key]) -> None:
        """Notes that these are no longer in flight."""
        for document, message_id in cast("list[tuple[Key, UUID]]", confirmed):
            self._confirmed.setdefault(document, []).append(message_id)
        for document, message in cast("list[tuple[Key, Key]]", kept):
            self._landed(document, {message})

    def flush(self) -> None:
        """Deletes what was settled as confirmed; a document left without messages is no longer marked as having any."""
        if not self._confirmed:
            return
        writes = [UpdateOne({"_id": value_of(document)}, _without(ids)) for document, ids in self._confirmed.items()]
        with lost_as_source_lost():
            self._documents.bulk_write(writes, ordered=True)
        for document, ids in self._confirmed.items():
            self._landed(document, ids)
        self._confirmed = {}

    def forget(self) -> None:
        """Notes that nothing is in flight any more, except what waits to be deleted."""
        self._in_flight = {
            document: (self._in_flight[document][0], set(ids)) for document, ids in self._confirmed.items()
        }
        self.has_more = True

    def backlog(self) -> Backlog:
        """Measures what waits, in documents, counting no further than 10,000."""
        waiting = {"outbox_since": {"$exists": True}}
        with lost_as_source_lost():
            count = self._documents.count_documents(waiting, limit=_COUNTED_DOCUMENTS)
            oldest = self._documents.find_one(waiting, {"outbox_since": True}, sort=[("outbox_since", 1)])
        since = oldest["outbox_since"] if oldest else None
        if not isinstance(since, datetime):  # nobody asks what a writer has put there
            since = datetime.now(UTC)
        return Backlog(count, max(0.0, (datetime.now(UTC) - since).total_seconds()))

    def present(self, keys: list[Key]) -> AbstractSet[Key]:
        """Returns which of these messages are still there, in a partition that this relay owns."""
        asked = cast("list[tuple[Key, Key]]", keys)
        query = {"_id": {"$in": [value_of(document) for document, _ in asked]}, **self._marked()}
        there: dict[Key, set[Key]] = {}
        with lost_as_source_lost():
            try:
                for found in self._documents.find(query, {"outbox.message_id": True}):
                    entries = [each for each in found.get("outbox") or () if isinstance(each, dict)]
                    there[key_of(found["_id"])] = {key_of(each.get("message_id")) for each in entries}
            except BSONError:
                return frozenset(keys)  # as long as it cannot be read, it is there
        return {
            (each, message) for each, message in asked if each in there and (message in there[each] or message is None)
        }

    def leave(self) -> None:
        """Deletes what was confirmed and lets go of all partitions at once."""
        self.flush()
        with lost_as_source_lost():
            self._leases.leave()

    def close(self) -> None:
        """Disconnects."""
        self._watch.close()
        self._client.close()

    def _waiting(self, blocked: Blocked) -> dict[str, Any]:
        self._standing = {name: each for name, each in self._standing.items() if name in blocked.subjects}
        free = {"target": {"$nin": sorted(blocked.targets)}, "subject": {"$nin": sorted(blocked.subjects)}}
        some_free = [{"outbox": {"$elemMatch": free}}, {"outbox": {"$not": {"$type": "array"}}}]
        return {
            **self._marked(),
            "_id": {"$nin": [value_of(each) for each in self._in_flight] + list(self._standing.values())},
            **({"$or": some_free} if any(blocked) else {}),
        }

    def _marked(self) -> dict[str, Any]:
        """Documents with messages, of the partitions owned; who owns the first takes those of no partition as well."""
        owned = self._leases.owned(time.monotonic())
        others = [partition for partition in range(membership.PARTITIONS) if partition not in owned]
        mine = {"$nin": others} if 0 in owned else {"$in": sorted(owned)}
        return {"outbox_since": {"$exists": True}, "outbox_partition": mine}

    def _found(self, blocked: Blocked, rows: int) -> Iterator[dict[str, Any]]:
        """Finds documents; when one among them cannot be read, each of them is read alone."""
        try:
            yield from self._documents.find(self._waiting(blocked)).sort("outbox_since", 1).limit(rows)
        except BSONError:
            ids = self._documents.find(self._waiting(blocked), {"_id": True}).sort("outbox_since", 1).limit(rows)
            for found in list(ids):
                yield self._alone(found["_id"])

    def _alone(self, document_id: Any) -> dict[str, Any]:
        try:
            found = self._documents.find_one({"_id": document_id})
        except BSONError as odd:
            return {"_id": document_id, "outbox": odd}
        return found or {"_id": document_id, "outbox": [], "outbox_partition": 0}

    def _take(self, document: dict[str, Any], taken: list[Row]) -> None:
        """Notes that these messages of a document are in flight."""
        ids = {cast("tuple[Key, Key]", row[KEY])[1] for row in taken}
        self._in_flight[key_of(document["_id"])] = (key_of(document.get("outbox_partition")), ids)
        whole = name_of(document["_id"])
        if any(row[SUBJECT] == whole for row in taken):
            self._standing[whole] = document["_id"]

    def _landed(self, document: Key, messages: Iterable[Key]) -> None:
        """Notes that these messages of a document are no longer in flight."""
        _, flying = self._in_flight.get(document, (0, set()))
        flying.difference_update(messages)
        if not flying:
            self._in_flight.pop(document, None)


def _without(message_ids: list[UUID]) -> list[dict[str, Any]]:
    """Returns the update that deletes messages, and the mark of a document left without any.

    One update by `_id`, which every server finds at once: a second one, for what is left empty, costs as much again, or
    a look at every document.
    """
    others = {"$filter": {"input": "$outbox", "cond": {"$not": [{"$in": ["$$this.message_id", message_ids]}]}}}
    since = {"$cond": [{"$eq": ["$outbox", []]}, "$$REMOVE", "$outbox_since"]}
    return [{"$set": {"outbox": others}}, {"$set": {"outbox_since": since}}]
