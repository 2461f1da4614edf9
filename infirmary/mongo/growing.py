"""The collections of a service with a MongoDB database that grow."""

from collections.abc import Iterator

from infirmary.mongo.documents import documents_of
from infirmary.mongo.storage import connect
from infirmary.mongo.tables import MongoTables
from infirmary.observing.tables import Size, expect_tables
from infirmary.settings import Settings


class MongoGrowing:
    """Measures them on a connection that is open for as long as it takes."""

    def __init__(self, service: str, settings: Settings) -> None:
        self._service, self._settings = service, settings
        # `_id` has the time in front, but for sequences: of them nobody knows when they began.
        self._collections = dict.fromkeys((documents_of(service).collection, "parked_message", "log_sequence"), "_id")
        expect_tables(self._collections, forgetting=["log_sequence"])

    def __call__(self) -> Iterator[Size]:
        """Measures each.

        Raises:
            pymongo.errors.PyMongoError: The database is away, or has not answered in time.
        """
        with connect(self._settings, f"{self._service}/consumer/tables") as client:
            yield from MongoTables(client.get_default_database(), self._collections)()
