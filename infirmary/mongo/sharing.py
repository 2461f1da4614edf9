"""Shares out the parts of split logs: a document for each process that lives, by the database's clock."""

from datetime import timedelta
from uuid import UUID

from infirmary.mongo.storage import MongoDatabase, now

LEASE_S = 10.0


class Sharing:
    """This process among the readers of its service."""

    def __init__(self, database: MongoDatabase, holder: UUID) -> None:
        self._database, self._collection, self._holder = database, database["log_sharing"], holder

    def rank(self) -> tuple[int, int]:
        """Shows that this process lives. Returns its place among those that do, and how many they are."""
        at = now(self._database)
        until = at + timedelta(seconds=LEASE_S)
        self._collection.update_one({"_id": self._holder}, {"$set": {"until": until}}, upsert=True)
        self._collection.delete_many({"until": {"$lt": at}})
        living = sorted(each["_id"] for each in self._collection.find())
        return living.index(self._holder), len(living)

    def leave(self) -> None:
        """Leaves the others to it."""
        self._collection.delete_one({"_id": self._holder})
