"""The counting service on MongoDB with its logs, a backup of it, and what restores it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from infirmary.consumer.delivery import Delivery
from infirmary.mongo.storage import MongoDatabase
from infirmary.mongo.transaction import MongoTransaction
from infirmary.restoring.declaration import Restoring
from tests.integration.consumer.messages import COMMANDS, LOG, SERVICE, Counted
from tests.integration.consumer.on_mongodb import MongoCounting
from tests.integration.restoring.relaying import Relaying

restoring = Restoring(SERVICE)


@restoring.of(Counted)
def count_again(event: Counted, tx: MongoTransaction) -> None:
    counter, number = event.counted.rsplit(" ", 1)
    tx.insert({"counter": counter, "number": int(number)})


class Dump:
    """What was in a database of MongoDB, as mongodump makes one.

    Attributes:
        collections: Their documents, by name.
    """

    def __init__(self, database: MongoDatabase) -> None:
        self.collections = {name: list(database[name].find()) for name in database.list_collection_names()}

    def put_back(self, database: MongoDatabase) -> None:
        """Puts it in the place of what is there now."""
        for name in database.list_collection_names():
            database[name].delete_many({})
            if self.collections.get(name):
                database[name].insert_many(self.collections[name])


class Service(MongoCounting):
    """The counting service, and what was handed to it, to be read again from a backup's place."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.handed: list[tuple[str, Delivery]] = []

    def hand(self, log: str, *deliveries: Delivery) -> None:
        """Applies a batch of a log."""
        self.handed += [(log, each) for each in deliveries]
        self.apply(log, *deliveries)

    def send(self, relay: Relaying, lost: Callable[[str], bool] = lambda _: False) -> None:
        """Empties the outbox into the logs; of some types nothing gets there."""
        rows = [row for document in self.documents.find() for row in document.get("outbox", ())]
        for row in sorted(rows, key=lambda row: (row["created_at"], row["sequence"])):
            if not lost(row["type"]):
                relay.publish(row["target"], row["header"], row["body"])
        self.documents.update_many({}, {"$unset": {"outbox": "", "outbox_since": ""}})

    def state(self) -> list[tuple[Any, ...]]:
        """Returns all that a restore makes again."""
        names = ("_id", "counter", "number", "saga_answer")
        return sorted(tuple(str(each.get(name)) for name in names) for each in self.documents.find())

    def counted(self) -> list[tuple[str, int]]:
        """Returns by what each counter was changed."""
        return sorted((each["counter"], each["number"]) for each in self.documents.find({"counter": re.compile("")}))

    def mark(self) -> None:
        """Marks the database as its relay does, for so long that every relay has seen it."""
        marked = {"set_back_since": datetime.now(UTC) - timedelta(minutes=1), "set_back_because": "a test"}
        self.database["database_identity"].update_one({"_id": "incarnation"}, {"$set": marked})

    def put_back(self, dump: Dump) -> None:
        """Puts a dump back, with no process running."""
        self.store.close()
        dump.put_back(self.database)
        self.end_readers()  # it holds their leases
        self.mark()

    def begin_again(self) -> None:
        """Lets another process be the reader, from where the database says that it is."""
        self.end_readers()
        self.take_over()
        self.positions = {log: self.store.positions.read(log) for log in (LOG, COMMANDS)}

    def read_on(self) -> None:
        """Reads again what the database does not know of, as another process."""
        self.begin_again()
        for log, delivery in self.handed:
            last = self.positions[log].last_offset
            if last is None or (delivery.offset or 0) > last:
                self.apply(log, delivery)
