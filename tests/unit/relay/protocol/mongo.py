"""A model of MongoDB, as far as a relay sees it: the leases, and the documents with their outboxes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Protocol, Self, TypeAlias

from pymongo import UpdateOne
from pymongo.errors import AutoReconnect

from tests.unit.relay.protocol.mongo_language import Document, is_found, updated
from tests.unit.relay.protocol.steps import Process

Stored: TypeAlias = dict[Any, Document]


class Cursor(Iterator[Document]):
    """What a query has found."""

    def __init__(self, found: Iterable[Document]) -> None:
        self._found = list(found)

    def __next__(self) -> Document:
        if not self._found:
            raise StopIteration
        return self._found.pop(0)

    def sort(self, key: str, _direction: int) -> Self:
        """Orders what was found; equal ones stay as they were."""
        self._found.sort(key=lambda document: document[key])
        return self

    def skip(self, count: int) -> Self:
        """Passes over the first."""
        del self._found[:count]
        return self

    def limit(self, count: int) -> Self:
        """Keeps no more than so many."""
        del self._found[count:]
        return self


class Collection:
    """Documents by their ids, as one client sees them; before each of its calls, anything may happen."""

    def __init__(self, stored: Stored, client: "Client") -> None:
        self.stored = stored
        self._client = client

    def find(self, query: Mapping[str, Any], _fields: object = None) -> Cursor:
        """Finds documents, in the order of their ids."""
        self._client.asks(self.stored, query)
        return Cursor([dict(self.stored[each]) for each in self._ids(query)])

    def update_one(self, query: Mapping[str, Any], update: Any, *, upsert: bool) -> None:
        """Updates one document, or makes it."""
        self._client.asks(self.stored, query)
        self._update(query, update, upsert=upsert)

    def update_many(self, query: Mapping[str, Any], update: Any) -> None:
        """Updates the documents that a query finds."""
        self._client.asks(self.stored, query)
        for each in self._ids(query):
            self._change(each, update)

    def bulk_write(self, writes: Sequence[UpdateOne], **_how: object) -> SimpleNamespace:
        """Does several updates."""
        self._client.asks(self.stored, {})
        made = [self._update(each._filter, each._doc, upsert=bool(each._upsert)) for each in writes]
        return SimpleNamespace(upserted_count=sum(made))

    def delete_one(self, query: Mapping[str, Any]) -> None:
        """Deletes one document."""
        self.delete_many(query)

    def delete_many(self, query: Mapping[str, Any]) -> None:
        """Deletes the documents that a query finds."""
        self._client.asks(self.stored, query)
        for each in self._ids(query):
            del self.stored[each]

    def _ids(self, query: Mapping[str, Any]) -> list[Any]:
        return [each for each, document in self.stored.items() if is_found(document, query, self._client.now())]

    def _update(self, query: Mapping[str, Any], update: Any, *, upsert: bool) -> bool:
        found = self._ids(query)
        if found:
            self._change(found[0], update)
        elif upsert:
            self.stored[query["_id"]] = updated(dict(query), update, self._client.now(), is_new=True)
        return upsert and not found

    def _change(self, document_id: Any, update: Any) -> None:
        before = self.stored[document_id]
        self.stored[document_id] = after = updated(before, update, self._client.now(), is_new=False)
        self._client.changes(self.stored, before, after)


class Client:
    """One relay's connection."""

    def __init__(self, database: "Database", process: Process) -> None:
        self._database, self.process = database, process

    def now(self) -> float:
        """The database's time."""
        return self._database.clock()

    def asks(self, stored: Stored, query: Mapping[str, Any]) -> None:
        """Lets happen what may happen before a call is answered.

        Raises:
            AutoReconnect: The server is away.
        """
        is_fetch = stored is self._database.documents and "$nin" in query.get("_id", {})
        if is_fetch:
            self._database.watcher.asked(self.process, query["outbox_partition"])
        self.process.pause()
        if not self._database.is_up:
            self._database.watcher.failed(self.process)
            raise AutoReconnect("connection refused")
        if is_fetch:
            self._database.watcher.answered(self.process)

    def changes(self, stored: Stored, before: Document, after: Document) -> None:
        """Tells of a document that was changed."""
        if stored is self._database.documents:
            self._database.watcher.outbox_changed(before, after)
        else:
            self._database.watcher.lease_changed(before, after)

    def get_default_database(self) -> Self:
        """The only database."""
        return self

    def get_collection(self, _name: str, **_how: object) -> Collection:
        """The documents with outboxes."""
        return Collection(self._database.documents, self)

    def __getitem__(self, _name: str) -> Collection:
        """The leases."""
        return Collection(self._database.leases, self)

    def close(self) -> None:
        """Disconnects."""


class Watcher(Protocol):
    """Who judges what the relays ask and change."""

    def asked(self, process: Process, partitions: Mapping[str, Any]) -> None:
        """Hears of a fetch from some partitions that begins."""

    def answered(self, process: Process) -> None:
        """Hears that it is answered now."""

    def failed(self, process: Process) -> None:
        """Hears that a relay finds the server away."""

    def outbox_changed(self, before: Document, after: Document) -> None:
        """Hears of messages that are deleted."""

    def lease_changed(self, before: Document, after: Document) -> None:
        """Hears of a lease that is renewed, taken or let go."""


class Database:
    """One service's database."""

    def __init__(self, clock: Callable[[], float], watcher: Watcher) -> None:
        self.clock, self.watcher = clock, watcher
        self.is_up = True
        self.documents: Stored = {}
        self.leases: Stored = {}
