"""An outbox in MongoDB: an array in each document, appended in the write that changes the document."""

import time
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from bson.errors import BSONError
from pymongo.read_concern import ReadConcern

from infirmary_relay.message import BODY, KEY, Key, Row
from infirmary_relay.problem import Problem
from infirmary_relay.sources.mongo_backlog import measure
from infirmary_relay.sources.mongo_deletions import Deletions
from infirmary_relay.sources.mongo_entries import Entries, created_at, is_empty, key_of, value_of
from infirmary_relay.sources.mongo_incarnation import incarnation_of
from infirmary_relay.sources.mongo_lease import Documents, Leases
from infirmary_relay.sources.mongo_place import Place
from infirmary_relay.sources.mongo_reading import found, marked, some_free
from infirmary_relay.sources.mongo_sent import LastSent
from infirmary_relay.sources.mongo_session import connect, identity_of, lost_as_source_lost, noted_logs
from infirmary_relay.sources.mongo_watch import Watch
from infirmary_relay.sources.source import Backlog, HeldBack

_POLL_WHILE_LISTENING_S = 2.0
_SMALLEST_PAGE = 100
"""Documents that are read at a time, even if only one message is asked for."""
_LOOK_S = 0.1
"""How long a fetch looks for something that may be sent; the next one goes on from there."""


class MongoSource:
    """The outboxes of one collection; see Source for what its methods promise.

    A document with anything in flight is left alone until that has settled, so its messages keep their order.
    """

    watch_s = 0.0
    """A look at all documents is no trifle."""
    floor_held_since = None
    """There is no floor: each fetch finds what is marked."""
    created_at = staticmethod(created_at)

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
        self._place = Place()
        with lost_as_source_lost():
            self._client = connect(url, ca_file)
            database = self._client.get_default_database()
            self.identity = identity_of(database)
            self.logs = noted_logs(database)
            # Majority: what is published must not be rolled back afterwards by a failover.
            self._documents: Documents = database.get_collection(collection, read_concern=ReadConcern("majority"))
            self.incarnation = incarnation_of(database, self._documents)
            self._leases = Leases(database["outbox_lease"], relay_id)
        self._deletions = Deletions(self._documents)
        self._last_sent = LastSent(self._documents) if self.incarnation is not None else None
        self._watch = Watch(self._client, collection)

    @property
    def poll_s(self) -> float:
        """How long to wait when nobody nudged: longer while the change stream nudges."""
        return max(self._poll_s, _POLL_WHILE_LISTENING_S) if self._watch.is_listening else self._poll_s

    @property
    def partitions(self) -> int:
        """How many partitions this relay owns."""
        return len(self._leases.owned(time.monotonic()))

    @property
    def last_error(self) -> Problem | None:
        """Which documents' messages the server refuses to delete."""
        return self._deletions.last_error

    def fileno(self) -> int:
        """The descriptor on which a nudge arrives."""
        return self._watch.fileno()

    def drain_notifications(self) -> None:
        """Reads the nudges that have come."""
        self.is_nudged = self._watch.drain_notifications() or self.is_nudged

    def heartbeat(self, now: float) -> None:
        """Renews its leases, takes its share of the partitions and lets go of others."""
        # What the server refuses to delete may stay for ever: its partition may go to another relay all the same.
        flying = self._in_flight.items()
        busy = {partition for document, (partition, _) in flying if not self._deletions.refuses(document)}
        with lost_as_source_lost():
            if self._last_sent is not None:
                self._last_sent.look(now)
            if self._leases.heartbeat(now, busy):
                self._place.start_over()
                self.has_more = True

    def fetch(self, held_back: HeldBack, rows: int) -> list[Row]:
        """Deletes the confirmed and gives the next messages, oldest document first."""
        self.is_nudged = False
        self.flush()
        self.has_more = False
        if self._deletions.are_too_many_refused:
            return []
        began_at = time.monotonic()
        batch: list[Row] = []
        with lost_as_source_lost():
            query, passed = self._waiting(held_back), self._place.begin(held_back, began_at)
            page = max(rows, _SMALLEST_PAGE)
            while not batch and not self.has_more:
                read, barren = self._read(found(self._documents, query, passed, page), held_back, rows, batch)
                if read < page:
                    if not self.has_more:
                        self._place.reached_end(barren, time.monotonic())
                    break
                passed += read
                self._place.passed(barren)
                self.has_more = bool(batch) or time.monotonic() - began_at > _LOOK_S
        return batch

    def _read(
        self, documents: Iterable[dict[str, Any]], held_back: HeldBack, rows: int, batch: list[Row]
    ) -> tuple[int, int]:
        """Adds to a batch what may be sent of some documents; gives how many were read, and gave nothing."""
        read = barren = size = 0
        for document in documents:
            read += 1
            taken: list[Row] = []
            for row in () if key_of(document["_id"]) in self._in_flight else self._entries.rows(document, held_back):
                size += len(row[BODY])
                if len(batch) + len(taken) == rows or (size > self._batch_bytes and (batch or taken)):
                    self.has_more = True
                    break
                taken.append(row)
            if taken:
                batch += taken
                self._take(document, taken)
            elif not self.has_more:
                barren += not self._clear(document)
            self.has_more = self.has_more or len(batch) >= rows
            if self.has_more:
                break
        return read, barren

    def ask(self, held_back: HeldBack, rows: int) -> None:
        """Does nothing: the driver does one thing at a time."""

    def settle(self, confirmed: list[Key], kept: list[Key]) -> None:
        """Notes that these are no longer in flight."""
        for document, message_id in cast("list[tuple[Key, UUID]]", confirmed):
            self._deletions.add(document, (message_id,))
        for document, message in cast("list[tuple[Key, Key]]", kept):
            self._landed(document, {message})

    def flush(self) -> None:
        """Deletes what was settled as confirmed; a document left without messages is no longer marked as having any."""
        with lost_as_source_lost():
            for document, ids in self._deletions.flush(time.monotonic()):
                self._landed(document, ids)
                if self._last_sent is not None:
                    self._last_sent.note(document)

    def reset_in_flight(self) -> None:
        """Notes that nothing is in flight any more, except what waits to be deleted."""
        self._in_flight = {
            document: (self._in_flight[document][0], set(ids)) for document, ids in self._deletions.items()
        }
        self._place.start_over()
        self.has_more = True

    def backlog(self, held_back: HeldBack) -> Backlog | None:
        """Measures what waits, in documents."""
        with lost_as_source_lost():
            return measure(self._documents, self._marked(), self._deletions, held_back)

    def present(self, keys: list[Key]) -> AbstractSet[Key]:
        """Which of these messages are still there, in a partition that this relay owns."""
        asked = cast("list[tuple[Key, Key]]", keys)
        query = {"_id": {"$in": [value_of(document) for document, _ in asked]}, **self._marked()}
        there: dict[Key, set[Key]] = {}
        with lost_as_source_lost():
            try:
                for each in self._documents.find(query, {"outbox.message_id": True}):
                    entries = [entry for entry in each.get("outbox") or () if isinstance(entry, dict)]
                    there[key_of(each["_id"])] = {key_of(entry.get("message_id")) for entry in entries}
            except BSONError:
                return frozenset(keys)  # as long as it cannot be read, it is there
        return {
            (each, message) for each, message in asked if each in there and (message in there[each] or message is None)
        }

    def drain(self) -> None:
        """Deletes what was confirmed and lets go of all partitions at once."""
        self.flush()
        with lost_as_source_lost():
            self._leases.release_all()

    def close(self) -> None:
        """Disconnects."""
        self._watch.close()
        self._client.close()

    def _waiting(self, held_back: HeldBack) -> dict[str, Any]:
        flying = [value_of(each) for each in self._in_flight if not self._deletions.refuses(each)]
        return {**self._marked(), "_id": {"$nin": flying}, **some_free(held_back)}

    def _marked(self) -> dict[str, Any]:
        return marked(self._leases.owned(time.monotonic()))

    def _take(self, document: dict[str, Any], taken: list[Row]) -> None:
        """Notes that these messages of a document are in flight."""
        ids = {cast("tuple[Key, Key]", row[KEY])[1] for row in taken}
        self._in_flight[key_of(document["_id"])] = (key_of(document.get("outbox_partition")), ids)

    def _clear(self, document: dict[str, Any]) -> bool:
        """Has the mark of a document without messages removed; whether it is one, and so is not found again."""
        key = key_of(document["_id"])
        if key in self._in_flight or not is_empty(document):
            return False
        self._in_flight[key] = (document["outbox_partition"], set())
        self._deletions.add(key, ())
        return True

    def _landed(self, document: Key, messages: Iterable[Key]) -> None:
        """Notes that these messages of a document are no longer in flight."""
        _, flying = self._in_flight.get(document, (0, set()))
        flying.difference_update(messages)
        if not flying:
            self._in_flight.pop(document, None)
