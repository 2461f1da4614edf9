"""The documents that a batch of messages causes, written together: one by one they would each wait for the disk."""

from collections.abc import Iterable
from typing import Any, Final

from pymongo.errors import BulkWriteError

from infirmary.consumer.crash_points import CrashPoints
from infirmary.consumer.store import ReaderReplaced
from infirmary.mongo.restoring.unanswered import answered_anew
from infirmary.mongo.storage import MongoCollection
from infirmary.mongo.transaction import Change

_DUPLICATE_KEY: Final = 11000


class Writes:
    """The documents that are not written yet."""

    def __init__(self, collection: MongoCollection, crash_points: CrashPoints) -> None:
        self._collection, self._reached = collection, crash_points.reached
        self._changes: list[Change] = []
        self._turns: list[list[dict[str, Any]]] = []

    def change(self, changes: Iterable[Change]) -> None:
        """Remembers changes to documents that are there: written first, so that what follows may answer for them."""
        self._changes += changes

    def add(self, document: dict[str, Any], behind: int = 0) -> None:
        """Remembers a document.

        Args:
            document: With an `_id`.
            behind: How many others have to be written before it; all that are behind as many are written together.
        """
        while len(self._turns) <= behind:
            self._turns.append([])
        self._turns[behind].append(document)

    def forget(self) -> None:
        """Drops them all."""
        self._changes, self._turns = [], []

    def write(self) -> None:
        """Writes the documents, except those that are there already: the same message has caused them before.

        Raises:
            ReaderReplaced: Another reader has answered a saga meanwhile.
            pymongo.errors.PyMongoError: Some could not be written; to write all of them again does no harm.
        """
        (turns, self._turns), (changes, self._changes) = (self._turns, []), (self._changes, [])
        if turns or changes:
            self._reached("before_commit")
        for change in changes:
            self._collection.update_many(change.wanted, {"$set": change.fields})
        for documents in turns:
            self._insert(documents)
        if turns or changes:
            self._reached("after_commit")

    def _insert(self, documents: list[dict[str, Any]]) -> None:
        try:
            self._collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            if error.details["writeConcernErrors"] or any(each["code"] != _DUPLICATE_KEY for each in failed):
                raise
            self._compare([documents[each["index"]] for each in failed], error)

    def _compare(self, refused: list[dict[str, Any]], error: BulkWriteError) -> None:
        """Finds out what it is that is there already: it may as well be a key of the service's own that is taken."""
        for document in refused:
            answer = document.get("saga_answer")
            number = {f"saga_answer.{name}": answer[name] for name in ("saga_id", "number")} if answer else None
            same = [{"_id": document["_id"]}, *([number] if number else [])]
            if self._collection.find_one({"$or": same}, {"_id": True}) is None:
                raise error
            # What was answered is read before, so this was written only now, unless a restore has made the document.
            if answer and not answered_anew(self._collection, document):
                raise ReaderReplaced(f"another reader has answered saga {answer['saga_id']}") from error
