"""Tells the state of aggregates again that are documents of MongoDB.

A document is one aggregate, written once together with all that it ever tells: so the last sequence of its subject is
the number of events that tell of it, and each of those tells it whole.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, cast

from infirmary.identifiers import new_id
from infirmary.mongo import outbox
from infirmary.mongo.documents import documents_of
from infirmary.mongo.incarnation import check_not_set_back
from infirmary.mongo.storage import MongoDatabase, now
from infirmary.republishing.declaration import Kind
from infirmary.republishing.telling import Progress, Told, told_of
from infirmary.tracing.causation import causation_of
from infirmary.transport.state_messages import last_words, state_message
from infirmary.transport.write_options import WriteOptions

T = TypeVar("T")

PROGRESS = "republish"
"""The collection with the progress of a run: `{_id: <kind>, began_at, told_to, aggregates, messages, done}`."""


class Documents(Generic[T]):
    """Where aggregates are: documents of the service's collection, in the order of an indexed field.

    Attributes:
        key: That field, which tells one from the others; as text it is the subject of its events.
    """

    def __init__(self, kind: type[T], key: str) -> None:
        """Takes what a document becomes: a dataclass whose fields it has."""
        self._kind, self.key = kind, key
        self._fields = {"_id": True, **{each.name: True for each in fields(cast("Any", kind))}}

    def next(self, collection: Any, told_to: Any, at_most: int) -> list[tuple[Any, T]]:
        """Returns the next ones, each with the id of its document."""
        wanted = {self.key: {"$exists": True} if told_to is None else {"$gt": told_to}}
        found = collection.find(wanted, self._fields).sort(self.key, 1).limit(at_most)
        return [(each.pop("_id"), self._kind(**each)) for each in found]


class MongoRepublisher:
    """Writes state messages into the outboxes of the documents, each document in one write."""

    def __init__(self, database: MongoDatabase, service: str, options: WriteOptions) -> None:
        self._database, self._service, self._options = database, service, options
        self._documents = database[documents_of(service).collection]
        self._runs = database[PROGRESS]

    def check_incarnation(self) -> None:
        """Looks whether the database was set back.

        Raises:
            DatabaseSetBack: It is marked so.
        """
        check_not_set_back(self._database)

    def progress(self) -> dict[str, Progress]:
        """Returns how far the kinds of a run have come that has not ended."""
        return {each["_id"]: _progress(each) for each in self._runs.find()}

    def begin(self, kind: Kind) -> Progress:
        """Notes that the aggregates of a kind are told from the first on."""
        begun = {"began_at": now(self._database), "aggregates": 0, "messages": 0, "done": False}
        self._runs.insert_one({"_id": kind.name, "told_to": None, **begun})
        return self.progress()[kind.name]

    def total(self, kind: Kind) -> int:
        """Returns about how many aggregates there are."""
        return self._documents.estimated_document_count() if kind.kept else 0

    def tell(self, kind: Kind, progress: Progress, at_most: int) -> Progress:
        """Writes the state messages of the next aggregates, and then how far that has come.

        What a crash leaves out is told again, which readers drop.
        """
        known = self._runs.find_one({"_id": kind.name}) or {}
        found = kind.kept.next(self._documents, known.get("told_to"), at_most)
        keys, messages = [getattr(each, kind.kept.key) for _, each in found], 0
        for key, (document_id, aggregate) in zip(keys, found, strict=True):
            told = told_of(key, kind.tell(aggregate), {str(key): 1})
            self._push(document_id, told)
            messages += len(told)
        later = progress.and_then(keys, messages, at_most)
        changed = {"aggregates": later.aggregates, "messages": later.messages, "done": later.done}
        if keys:
            changed["told_to"] = keys[-1]
        self._runs.update_one({"_id": kind.name}, {"$set": changed})
        return later

    def waiting(self) -> int:
        """Returns how many documents have messages for the relay."""
        return self._documents.count_documents({"outbox_since": {"$exists": True}})

    def finish(self, kinds: Sequence[str], last_word: datetime | None) -> None:
        """Says the last word if all was told, in documents of its own, and forgets the progress."""
        if last_word is not None:
            cause = causation_of(None, None, None, tracer=self._options.tracer)
            for word in last_words(self._service, last_word, cause=cause, options=self._options):
                self._documents.insert_one({"_id": new_id(), **outbox.fields([word], {})})
        self._runs.delete_many({"_id": {"$in": list(kinds)}})

    def _push(self, document_id: Any, told: Sequence[Told]) -> None:
        if not told:
            return
        cause = causation_of(None, None, None, tracer=self._options.tracer)
        rows = [
            outbox.row(
                state_message(each.event, each.still_to_come, source=self._service, cause=cause, options=self._options),
                each.sequence,
            )
            for each in told
        ]
        self._documents.update_one(
            {"_id": document_id},
            {"$push": {"outbox": {"$each": rows}}, "$set": {"outbox_since": datetime.now(UTC)}},
        )


def _progress(found: dict[str, Any]) -> Progress:
    told_to = None if found["told_to"] is None else str(found["told_to"])
    return Progress(found["_id"], found["began_at"], told_to, found["aggregates"], found["messages"], found["done"])
