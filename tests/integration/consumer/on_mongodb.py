"""The counting service on MongoDB."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from pymongo.errors import AutoReconnect

from infirmary.consumer.dispatch import Dispatcher
from infirmary.consumer.ends import Beginnings
from infirmary.consumer.store import Store
from infirmary.housekeeping import Chore
from infirmary.identifiers import new_id
from infirmary.mongo.ended_subjects import EndedSubjects
from infirmary.mongo.parked import MongoParked
from infirmary.mongo.schema import create_collections
from infirmary.mongo.storage import connect
from infirmary.mongo.store import MongoStore
from infirmary.mongo.transaction import MongoTransaction
from infirmary.settings import Settings
from tests.integration.consumer.counting import NOW, Counting, Row, contents
from tests.integration.consumer.messages import SERVICE, Faults, handlers_of


class MongoCounting(Counting):
    """Documents in the collection of notification."""

    cli_service = "notification"

    def __init__(self, settings: Settings, faults: Faults) -> None:
        create_collections(SERVICE, settings)
        self._client = connect(settings.as_owner(), "test")
        self.database = self._client.get_default_database()
        self.documents = self.database["notifications"]
        self._order = count()
        self._stores: list[Store] = []
        super().__init__(settings, faults)

    def make_dispatcher(self) -> Dispatcher:
        return Dispatcher(handlers_of(self.faults, self._change), (), self.settings.message_max_bytes)

    def _change(self, tx: MongoTransaction, counter: str, number: int) -> None:
        tx.insert({"counter": counter, "number": number, "order": next(self._order)})

    def open_store(self) -> MongoStore:
        store = MongoStore(SERVICE, self.settings, self.dispatcher, new_id(), self.spans.tracer())
        self._stores.append(store)
        return store

    def parked(self) -> MongoParked:
        return MongoParked(self.database)

    def outbox(self) -> list[Row]:
        rows = [row for document in self.documents.find() for row in document.get("outbox", ())]
        in_order = sorted(rows, key=lambda row: row["created_at"])
        return [
            Row(row["target"], row["type"], row["subject"], row["sequence"], contents(row["body"])) for row in in_order
        ]

    def numbers(self, counter: object) -> list[int]:
        found = self.documents.find({"counter": str(counter)}).sort("order", 1)
        return [each["number"] for each in found]

    def make_due(self, after: timedelta = NOW) -> None:
        at = datetime.now(UTC) + after
        self._change_held({"retry_at": {"$ne": None}}, retry_at=at)

    def note_failures(self, attempts: int) -> None:
        self._change_held({}, attempts=attempts)

    def _change_held(self, wanted: dict[str, Any], **changes: object) -> None:
        self.database["parked_message"].update_many(wanted, {"$set": changes})

    def set_first_offset(self, log: str, offset: int) -> None:
        self.database["log_reader"].update_one({"_id": log}, {"$set": {"first_offset": offset}}, upsert=True)

    def sequences(self) -> dict[tuple[str, str], int]:
        return {(each["source"], each["subject"]): each["last"] for each in self.database["log_sequence"].find()}

    def ended_subjects(self, beginnings: Beginnings, clock: Callable[[], float]) -> Chore:
        return EndedSubjects(self.database, self.settings.saga_sequence_days, beginnings, clock)

    def shares(self) -> list[int]:
        owned = self.database["log_reader"].find({"until": {"$gt": datetime.now(UTC)}})
        return sorted(Counter(each["holder"] for each in owned).values())

    def mark_set_back(self, because: str | None) -> None:
        mark = {"set_back_since": None if because is None else datetime.now(UTC), "set_back_because": because}
        self.database["database_identity"].update_one({"_id": "incarnation"}, {"$set": mark})

    def passing_error(self) -> Exception:
        return AutoReconnect("the primary is gone")

    def refuse(self, counter: str) -> None:
        self._limit(counter={"not": {"enum": [counter]}})

    def refuse_answers(self) -> None:
        self._limit(saga_answer={"bsonType": "string"})

    def accept(self) -> None:
        self._limit()

    def _limit(self, **properties: dict[str, Any]) -> None:
        schema = {"$jsonSchema": {"properties": properties}}
        self.database.command("collMod", "notifications", validator=schema, validationLevel="moderate")

    def end_reader(self, store: Store) -> None:  # noqa: ARG002 - there is one reader where this is asked for
        self.end_readers()

    def end_readers(self) -> None:
        past = datetime.now(UTC) - timedelta(seconds=1)
        self.database["log_reader"].update_many({}, {"$set": {"until": past}})

    def forget_messages(self) -> None:
        """Forgets all messages and what they have caused, and the processes that are no more."""
        for collection in (self.documents, self.database["parked_message"], self.database["log_sequence"]):
            collection.delete_many({})
        for store in self._stores[:-1]:
            store.close()
        del self._stores[:-1]

    def forget_everything(self) -> None:
        self.forget_messages()
        self.database["log_reader"].delete_many({})

    def close(self) -> None:
        for store in self._stores:
            store.close()
        self._client.close()
