"""Measures collections of MongoDB that grow."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import pymongo

from infirmary.mongo.storage import MongoCollection, MongoDatabase
from infirmary.observing.tables import COUNTED_TO, Size, expect_tables

_LOOK_WITHIN_S: Final = 2.0


class MongoTables:
    """Measures collections; the client is shared with others."""

    def __init__(self, database: MongoDatabase, collections: Mapping[str, str]) -> None:
        """Prepares it.

        Args:
            database: Where they are.
            collections: Of each the field that has the time of its documents, and an index: a time, or a UUID of
                version 7, such as `_id`.
        """
        self._database, self._collections = database, dict(collections)
        expect_tables(self._collections)

    def __call__(self) -> Iterator[Size]:
        """Measures each.

        Raises:
            pymongo.errors.PyMongoError: The database is away, or has not answered in time.
        """
        for name, field in self._collections.items():
            with pymongo.timeout(_LOOK_WITHIN_S):
                size = measured(self._database[name], field)
            yield size


def measured(collection: MongoCollection, field: str) -> Size:
    """Returns the size of a collection.

    Raises:
        pymongo.errors.PyMongoError: The database is away, or has not answered in time.
    """
    counted = collection.count_documents({}, limit=COUNTED_TO + 1)
    oldest = collection.find_one({}, {field: 1}, sort=[(field, pymongo.ASCENDING)])
    return Size(
        collection.name,
        rows=max(counted, collection.estimated_document_count()) if counted > COUNTED_TO else counted,
        oldest_at=_unix_time((oldest or {}).get(field)),
    )


def _unix_time(written: object) -> float:
    if isinstance(written, UUID) and written.version == 7:
        return (written.int >> 80) / 1000
    if not isinstance(written, datetime):
        return 0.0
    return (written if written.tzinfo is not None else written.replace(tzinfo=UTC)).timestamp()
