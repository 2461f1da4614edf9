"""An outbox in MongoDB: an array in each document, appended in the write that changes the document."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from pymongo import MongoClient, UpdateOne
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import parse_uri

from relay.frames import encode_header
from relay.message import BODY, KEY, Key, Row
from relay.sources.mongo_lease import Documents, Leases
from relay.sources.mongo_watch import Watch
from relay.sources.source import Backlog, Blocked, SourceLostError

_TIMEOUT_MS = 3000
_COUNTED_DOCUMENTS = 10_000
_POLL_WHILE_LISTENING_S = 2.0
_log = logging.getLogger(__name__)


class MongoSource:
    """The outboxes of one collection; see Source for what its methods promise.

    A document with anything in flight is left alone until that has settled, so its messages keep their order.
    """

    watch_s = 0.0
    """A look at all documents is no trifle."""

    def __init__(
        self, url: str, *, collection: str, service: str, relay_id: UUID, poll_s: float, batch_bytes: int
    ) -> None:
        """Connects.

        Raises:
            SourceLostError: the database can not be reached.
        """
        self._poll_s = poll_s
        self.has_more = False
        self.is_nudged = False
        self._service = service
        self._batch_bytes = batch_bytes
        self._in_flight: dict[Any, tuple[int, set[UUID]]] = {}
        self._confirmed: dict[Any, list[UUID]] = {}
        with _lost_as_source_lost():
            self._client = _connect(url)
            database = self._client.get_default_database()
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
        with _lost_as_source_lost():
            if self._leases.keep_up(now, {partition for partition, _ in self._in_flight.values()}):
                self.has_more = True

    def fetch(self, blocked: Blocked, rows: int) -> list[Row]:
        """Deletes the confirmed and returns the next messages, oldest document first."""
        self.is_nudged = False
        self.flush()
        batch: list[Row] = []
        size = 0
        self.has_more = False
        with _lost_as_source_lost():
            for document in self._documents.find(self._waiting(blocked)).sort("outbox_since", 1).limit(rows):
                taken: list[Row] = []
                for row in self._rows(document, blocked):
                    size += len(row[BODY])
                    if len(batch) + len(taken) == rows or (size > self._batch_bytes and (batch or taken)):
                        self.has_more = True
                        break
                    taken.append(row)
                if taken:
                    batch += taken
                    ids = {row[KEY][1] for row in taken}
                    self._in_flight[document["_id"]] = (document["outbox_partition"], ids)
                if self.has_more:
                    break
        self.has_more = self.has_more or len(batch) >= rows
        return batch

    def settle(self, confirmed: list[Key], kept: list[Key]) -> None:
        """Notes that these are no longer in flight."""
        for document_id, message_id in cast("list[tuple[Any, UUID]]", confirmed):
            self._confirmed.setdefault(document_id, []).append(message_id)
        for document_id, message_id in cast("list[tuple[Any, UUID]]", kept):
            self._landed(document_id, {message_id})

    def flush(self) -> None:
        """Deletes what was settled as confirmed; a document left without messages is no longer marked as having any."""
        if not self._confirmed:
            return
        writes = [UpdateOne({"_id": document_id}, _without(ids)) for document_id, ids in self._confirmed.items()]
        with _lost_as_source_lost():
            self._documents.bulk_write(writes, ordered=True)
        for document_id, ids in self._confirmed.items():
            self._landed(document_id, set(ids))
        self._confirmed = {}

    def forget(self) -> None:
        """Notes that nothing is in flight any more, except what waits to be deleted."""
        self._in_flight = {
            document_id: (self._in_flight[document_id][0], set(ids)) for document_id, ids in self._confirmed.items()
        }
        self.has_more = True

    def backlog(self) -> Backlog:
        """Measures what waits, in documents, counting no further than 10,000."""
        waiting = {"outbox_since": {"$exists": True}}
        with _lost_as_source_lost():
            count = self._documents.count_documents(waiting, limit=_COUNTED_DOCUMENTS)
            oldest = self._documents.find_one(waiting, {"outbox_since": True}, sort=[("outbox_since", 1)])
        since = oldest["outbox_since"] if oldest else datetime.now(UTC)
        return Backlog(count, max(0.0, (datetime.now(UTC) - since).total_seconds()))

    def close(self) -> None:
        """Deletes what was confirmed, lets go of all partitions at once and disconnects."""
        try:
            self.flush()
            with _lost_as_source_lost():
                self._leases.leave()
        except SourceLostError as lost:
            _log.info("left without saying goodbye: %s", lost)
        self._watch.close()
        self._client.close()

    def _waiting(self, blocked: Blocked) -> dict[str, Any]:
        free = {"target": {"$nin": sorted(blocked.targets)}, "subject": {"$nin": sorted(blocked.subjects)}}
        return {
            "outbox_since": {"$exists": True},
            "outbox_partition": {"$in": sorted(self._leases.owned(time.monotonic()))},
            "_id": {"$nin": list(self._in_flight)},
            **({"outbox": {"$elemMatch": free}} if any(blocked) else {}),
        }

    def _rows(self, document: dict[str, Any], blocked: Blocked) -> Iterator[Row]:
        for entry in document["outbox"]:
            if entry["target"] in blocked.targets or entry["subject"] in blocked.subjects:
                continue
            message_id: UUID = entry["message_id"]
            header = entry.get("header") or self._header(entry)
            key = (document["_id"], message_id)
            yield key, entry["target"], entry["subject"], message_id.bytes, header, entry["body"]

    def _header(self, entry: dict[str, Any]) -> bytes:
        return encode_header(
            body_bytes=len(entry["body"]),
            message_id=entry["message_id"],
            source=self._service,
            message_type=entry["type"],
            subject=entry["subject"],
            sequence=entry.get("sequence"),
            created_at=entry["created_at"],
        )

    def _landed(self, document_id: Any, ids: set[UUID]) -> None:
        """Notes that these messages of a document are no longer in flight."""
        _, flying = self._in_flight.get(document_id, (0, set()))
        flying -= ids
        if not flying:
            self._in_flight.pop(document_id, None)


def _without(message_ids: list[UUID]) -> list[dict[str, Any]]:
    """Returns the update that deletes messages, and the mark of a document left without any.

    One update by `_id`, which every server finds at once: a second one, for what is left empty, costs as much again, or
    a look at every document.
    """
    others = {"$filter": {"input": "$outbox", "cond": {"$not": [{"$in": ["$$this.message_id", message_ids]}]}}}
    since = {"$cond": [{"$eq": ["$outbox", []]}, "$$REMOVE", "$outbox_since"]}
    return [{"$set": {"outbox": others}}, {"$set": {"outbox_since": since}}]


def _connect(url: str) -> MongoClient[dict[str, Any]]:
    given = parse_uri(url)
    alone = len(given["nodelist"]) == 1 and not given["options"].get("replicaSet") and given["fqdn"] is None
    client: MongoClient[dict[str, Any]] = MongoClient(
        url,
        appname="relay",
        tz_aware=True,
        uuidRepresentation="standard",
        serverSelectionTimeoutMS=_TIMEOUT_MS,
        connectTimeoutMS=_TIMEOUT_MS,
        socketTimeoutMS=_TIMEOUT_MS,
        directConnection=alone,
    )
    return client


@contextmanager
def _lost_as_source_lost() -> Iterator[None]:
    try:
        yield
    except PyMongoError as lost:
        raise SourceLostError(f"MongoDB: {lost}") from lost
