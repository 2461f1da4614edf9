"""What events cause: documents, each of them a transaction of its own, all of a batch sent together.

One by one they would each wait for the disk: 100 events a second, where together it is a multiple of that.
"""

from collections.abc import Callable
from typing import Any

from pymongo.errors import BulkWriteError

from services.chassis.consumer.applying import Applier
from services.chassis.consumer.crash_points import CrashPoints
from services.chassis.envelope import Incoming
from services.chassis.mongo.storage import MongoCollection
from services.chassis.mongo.transaction import MongoTransaction
from services.chassis.spans import SPANS, Span

_DUPLICATE_KEY = 11000

NewTransaction = Callable[[Incoming], MongoTransaction]


class Effects:
    """The documents of one batch of events."""

    def __init__(
        self, collection: MongoCollection, new_transaction: NewTransaction, applier: Applier, crash_points: CrashPoints
    ) -> None:
        self._collection, self._new_transaction, self._applier = collection, new_transaction, applier
        self._reached = crash_points.reached
        self._documents: list[dict[str, Any]] = []
        self._spans: list[Span] = []

    def handles(self, event: Incoming) -> bool:
        """Says whether the service handles events of this type."""
        return self._applier.handles(event)

    def apply(self, event: Incoming) -> None:
        """Lets the handler say what an event causes; `write` must follow."""
        tx = self._new_transaction(event)
        self._applier.event(tx, event)
        document = tx.document()
        if document is not None:
            self._documents.append(document)
        self._spans += tx.spans

    def write(self) -> None:
        """Writes what the events caused, except what is there already: the same event has caused it before.

        Raises:
            pymongo.errors.PyMongoError: Some of it could not be written; doing it all again does no harm.
        """
        documents, self._documents = self._documents, []
        spans, self._spans = self._spans, []
        if documents:
            self._insert(documents)
        SPANS.tell(spans)

    def _insert(self, documents: list[dict[str, Any]]) -> None:
        self._reached("before_commit")
        try:
            self._collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            only_duplicates = all(each["code"] == _DUPLICATE_KEY for each in error.details["writeErrors"])
            if not only_duplicates or error.details["writeConcernErrors"]:
                raise
        self._reached("after_commit")
