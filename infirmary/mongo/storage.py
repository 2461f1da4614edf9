"""Connections to the service's own MongoDB database, its clock, and which of its errors pass by themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, TypeAlias

import pymongo
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, ConnectionFailure, OperationFailure, PyMongoError
from pymongo.monitoring import ConnectionPoolListener
from pymongo.uri_parser import parse_uri

from infirmary.messages import Notice
from infirmary.mongo.documents import documents_of
from infirmary.mongo.notices import Notices
from infirmary.mongo.pool import PoolFollower
from infirmary.observing.health import Reason
from infirmary.observing.pool_state import PoolState
from infirmary.observing.readiness import ProcessProblem
from infirmary.settings import Settings

MongoDatabase: TypeAlias = Database[dict[str, Any]]
MongoCollection: TypeAlias = Collection[dict[str, Any]]

_REQUEST_WITHIN_S = 6.0
"""For how long a request waits for the database's answers, a second try of the driver's own included."""

_WHILE_AWAY_S = 0.5
"""The same when the request before it has got no answer: threads that wait in vain are missed by everybody else."""

_PROBE_WITHIN_S = 1.0
_ANSWER_WITHIN_MS = 2_000
_STATEMENT_WITHIN_MS = 10_000

_TRANSIENT_CODES: Final = frozenset(
    {
        *(6, 7, 89, 9001),  # another node is unreachable, or the network failed
        *(24, 50, 112, 202, 262),  # timeouts and write conflicts
        *(64, 75, 100, 133, 134),  # not enough nodes to acknowledge a write
        *(91, 189, 10107, 11600, 11602, 13435, 13436),  # shutting down, or no longer the primary
        14031,  # the disk is full
    }
)


def is_transient(error: BaseException) -> bool:
    """Says whether the same work may succeed later without any change.

    Lost connections, elections, timeouts, write conflicts, a full disk, a server that shuts down.
    """
    if isinstance(error, ConnectionFailure):
        return True
    if isinstance(error, BulkWriteError):
        failed = error.details["writeErrors"] + error.details["writeConcernErrors"]
        return all(each["code"] in _TRANSIENT_CODES for each in failed)
    if isinstance(error, OperationFailure):
        return error.code in _TRANSIENT_CODES
    return isinstance(error, PyMongoError) and error.timeout


def connect(settings: Settings, role: str, *listeners: ConnectionPoolListener) -> MongoClient[dict[str, Any]]:
    """Returns a client whose writes are on the disks of a majority when they return.

    Without `journal` a server that is killed loses writes that it has acknowledged.

    Args:
        settings: Where the database is.
        role: What the server's logs and currentOp should show, for example `notification/consumer`.
        listeners: Who is told how the connections are used.
    """
    given = parse_uri(settings.database_url)
    alone = len(given["nodelist"]) == 1 and given["fqdn"] is None and not given["options"].get("replicaSet")
    return MongoClient(
        settings.database_url,
        appname=role,
        w="majority",
        journal=True,
        retryWrites=True,
        directConnection=alone,
        serverSelectionTimeoutMS=_ANSWER_WITHIN_MS,
        connectTimeoutMS=_ANSWER_WITHIN_MS,
        socketTimeoutMS=_STATEMENT_WITHIN_MS,
        maxPoolSize=settings.database_connections,
        waitQueueTimeoutMS=int(settings.database_wait_s * 1000),
        uuidRepresentation="standard",
        tz_aware=True,
        event_listeners=listeners,
        **_tls(settings),
    )


def _tls(settings: Settings) -> dict[str, Any]:
    """Returns what makes sure of the server and of its name, whatever the URL says."""
    if settings.database_ca_file is None:
        return {}  # a URL with `tls=true` is checked against those whom the system trusts
    strict = {"tlsAllowInvalidCertificates": False, "tlsAllowInvalidHostnames": False}
    return {"tls": True, "tlsCAFile": str(settings.database_ca_file), **strict}


def now(database: MongoDatabase) -> datetime:
    """Returns the time by the database's clock, which all processes of the service share."""
    answer = database.command("hello", codec_options=database.codec_options)
    at: datetime = answer["localTime"]
    return at


class MongoStorage:
    """What the API of a service with a MongoDB database reads through."""

    def __init__(self, settings: Settings, service: str) -> None:
        self._service, self._notices = service, Notices(service, settings.write_options())
        self._follower = PoolFollower()
        self._client = connect(settings, "api", self._follower)
        self._database = self._client.get_default_database()
        self._answers = True

    @contextmanager
    def read(self) -> Iterator[MongoDatabase]:
        """Lends the database."""
        try:
            with pymongo.timeout(_REQUEST_WITHIN_S if self._answers else _WHILE_AWAY_S):
                yield self._database
        except PyMongoError as error:
            self._answers = not is_transient(error)
            raise
        self._answers = True

    def tell(self, notice: Notice, to: str) -> None:
        """Tells a service something; returns when a majority has it on its disks."""
        with self.read() as database:
            self._notices.tell(database[documents_of(self._service).collection], notice, to)

    def problem(self) -> ProcessProblem | None:
        """Returns why the database cannot be used now, or None when it answers."""
        try:
            with pymongo.timeout(_PROBE_WITHIN_S):
                now(self._database)
        except PyMongoError as error:
            return ProcessProblem(Reason.DATABASE_AWAY, f"the database does not answer: {error}")
        return None

    def pool(self) -> PoolState:
        """Returns how the connections are used."""
        return self._follower.state()

    def is_transient(self, error: BaseException) -> bool:
        """Says whether the same request may succeed in a moment."""
        return is_transient(error)

    def may_repeat(self, error: BaseException) -> bool:  # noqa: ARG002 - the other storages look at it
        """Says whether a failed request is worth another try at once; the driver has tried twice already."""
        return False

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()
