"""How a session with MongoDB begins: its time-outs, its certificates, and which database it is."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from bson.errors import BSONError
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from infirmary_relay.sources.source import SourceLostError

_TIMEOUT_MS = 3000
_UNAUTHORIZED = 13
_IDENTITY = {"_id": "identity"}
_log = logging.getLogger(__name__)


def connect(url: str, ca_file: Path | None) -> MongoClient[dict[str, Any]]:
    """Prepares a client that waits for nothing longer than a few seconds."""
    given = parse_uri(url)
    alone = len(given["nodelist"]) == 1 and not given["options"].get("replicaSet") and given["fqdn"] is None
    tls: dict[str, Any] = {"tls": True, "tlsCAFile": str(ca_file)} if ca_file is not None else {}
    client: MongoClient[dict[str, Any]] = MongoClient(
        url,
        appname="relay",
        tz_aware=True,
        uuidRepresentation="standard",
        # What Python has no value for is read all the same: it is one message's problem and not the relay's.
        datetime_conversion="DATETIME_AUTO",
        unicode_decode_error_handler="replace",
        serverSelectionTimeoutMS=_TIMEOUT_MS,
        connectTimeoutMS=_TIMEOUT_MS,
        socketTimeoutMS=_TIMEOUT_MS,
        directConnection=alone,
        **tls,
    )
    return client


def identity_of(database: Database[dict[str, Any]]) -> str | None:
    """What tells this database from every other one: a value that whoever comes first puts there.

    None, with a warning, when that is not allowed.
    """
    identities = database.get_collection("database_identity", write_concern=WriteConcern("majority"))
    try:
        with suppress(DuplicateKeyError):  # somebody else came first
            identities.update_one(_IDENTITY, {"$setOnInsert": {"value": str(uuid4())}}, upsert=True)
        found = identities.find_one(_IDENTITY)
    except OperationFailure as refused:
        if refused.code != _UNAUTHORIZED:
            raise
        _log.warning("which database this is cannot be known: %s", refused)
        return None
    return str(found["value"]) if found is not None else None


def noted_logs(database: Database[dict[str, Any]]) -> list[str]:
    """Reads which logs the service has noted that it writes; none where it notes none, or that cannot be read."""
    try:
        names = [document["_id"] for document in database["outbox_log"].find({}, {"_id": True}).sort("_id", 1)]
    except (BSONError, OperationFailure) as refused:
        if isinstance(refused, OperationFailure) and refused.code != _UNAUTHORIZED:
            raise
        _log.warning("outbox_log cannot be read, so a log is declared when its first message comes: %s", refused)
        return []
    return [name for name in names if isinstance(name, str)]


@contextmanager
def lost_as_source_lost() -> Iterator[None]:
    """Turns the driver's errors into SourceLostError."""
    try:
        yield
    except PyMongoError as lost:
        raise SourceLostError(f"MongoDB: {lost}") from lost
