"""The document that says which life of the database this is, and whether it was set back to an earlier moment."""

from contextlib import suppress
from typing import Final
from uuid import uuid4

from pymongo.errors import DuplicateKeyError

from infirmary.incarnation import DatabaseSetBack
from infirmary.mongo.storage import MongoDatabase

COLLECTION: Final = "database_identity"
KEY: Final = {"_id": "incarnation"}


def note_incarnation(database: MongoDatabase) -> None:
    """Makes the document where there is none; a dump brings it back as it was."""
    unmarked = {"id": uuid4(), "set_back_since": None, "set_back_because": None, "restored_at": None}
    with suppress(DuplicateKeyError):  # somebody else has done so at the same moment
        database[COLLECTION].update_one(KEY, {"$setOnInsert": unmarked}, upsert=True)


def set_back_because(database: MongoDatabase) -> str | None:
    """Returns in what it was seen that the database was set back; None where it is not marked so."""
    found = database[COLLECTION].find_one(KEY) or {}
    return str(found.get("set_back_because") or "") if found.get("set_back_since") is not None else None


def check_not_set_back(database: MongoDatabase) -> None:
    """Makes sure that a database is not marked as set back.

    Raises:
        DatabaseSetBack: It is.
    """
    because = set_back_because(database)
    if because is not None:
        raise DatabaseSetBack(because)
