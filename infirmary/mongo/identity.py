"""The name that tells a database from any other; the first who asks gives it."""

from contextlib import suppress
from uuid import uuid4

from pymongo.errors import DuplicateKeyError

from infirmary.mongo.storage import MongoDatabase


def identity_of(database: MongoDatabase) -> str:
    """Returns the database's identity; the relay asks for it in the same way."""
    own = database["database_identity"]
    with suppress(DuplicateKeyError):  # somebody else has done so at the same moment
        own.update_one({"_id": "identity"}, {"$setOnInsert": {"value": str(uuid4())}}, upsert=True)
    return str((own.find_one({"_id": "identity"}) or {})["value"])
