"""Reads the books of a service, that is what its database says about its messages: one statement, so one moment."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from audit.facts import Books, HeldMessage, SagaFact

CONNECT_TIMEOUT_S = 3

DATABASE_ERRORS = (psycopg.OperationalError, PyMongoError)
"""What a database raises while it is away."""

_BOOKS = """
SELECT (SELECT count(*) FROM outbox),
       (SELECT coalesce(jsonb_agg(jsonb_build_array(channel, subject, type, error)), '[]') FROM parked_message),
       (SELECT coalesce(jsonb_object_agg(log, last_offset), '{}') FROM log_reader),
       (SELECT coalesce(jsonb_object_agg(subject, last), '{}') FROM outbox_sequence WHERE %(full)s),
       (SELECT coalesce(jsonb_agg(jsonb_build_array(source, subject, last)), '[]') FROM log_sequence WHERE %(full)s),
       (SELECT coalesce(jsonb_agg(jsonb_build_array(saga_id, name, status, state)), '[]') FROM saga
        WHERE %(full)s OR status NOT IN ('completed', 'failed')),
       (SELECT coalesce(sum(last), 0) FROM outbox_sequence)
"""


class BookReader:
    """Reads one service's books, again and again."""

    def __init__(self, database_url: str) -> None:
        """Prepares the reader; nothing connects yet."""
        self._url = database_url
        self._postgres: psycopg.Connection[tuple[Any, ...]] | None = None
        self._mongo: MongoClient[dict[str, Any]] | None = None
        self.given_out: int | None = None

    def read(self, *, full: bool) -> Books:
        """Reads the books.

        Args:
            full: With all sequences and all sagas; else only what is open. Either way `given_out` then holds the
                number of events written, None where it is not kept.

        Raises:
            psycopg.OperationalError, pymongo.errors.PyMongoError: The database is away.
        """
        return self._of_mongo(full) if self._url.startswith("mongodb") else self._of_postgres(full)

    def close(self) -> None:
        """Ends the connection."""
        if self._postgres is not None:
            self._postgres.close()
        if self._mongo is not None:
            self._mongo.close()
        self._postgres = self._mongo = None

    def _of_postgres(self, full: bool) -> Books:
        if self._postgres is None or self._postgres.closed:
            self._postgres = psycopg.connect(
                self._url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S, application_name="audit"
            )
        row = self._postgres.execute(_BOOKS, {"full": full}).fetchone()
        if row is None:
            raise LookupError("a SELECT without FROM gave no row")
        outbox, held, readers, given, applied, sagas, given_out = row
        self.given_out = int(given_out)
        return Books(
            outbox=outbox,
            held=[HeldMessage(*each) for each in held],
            readers=readers,
            given=given,
            applied={(source, subject): last for source, subject, last in applied},
            sagas=[_saga(*each) for each in sagas],
        )

    def _of_mongo(self, full: bool) -> Books:
        if self._mongo is None:
            self._mongo = MongoClient(
                self._url, serverSelectionTimeoutMS=CONNECT_TIMEOUT_S * 1000, uuidRepresentation="standard"
            )
        database = self._mongo.get_default_database()
        names = database.list_collection_names()
        waiting = sum(
            len(document["outbox"])
            for name in names
            for document in database[name].find({"outbox.0": {"$exists": True}}, {"outbox": 1})
        )
        return Books(
            outbox=waiting,
            held=[_held(document) for document in database["parked_message"].find()],
            readers={each["_id"]: each.get("last_offset") for each in database["log_reader"].find()},
            applied={
                (each["source"], each["subject"]): each["last"]
                for each in (database["log_sequence"].find() if full else ())
            },
        )


def _saga(saga_id: str, name: str, status: str, state: Mapping[str, Any]) -> SagaFact:
    steps = {step["name"]: step["state"] for step in state["steps"]}
    return SagaFact(UUID(saga_id), name, status, state.get("reason"), steps)


def _held(document: Mapping[str, Any]) -> HeldMessage:
    return HeldMessage(
        document.get("channel", "?"), document.get("subject"), document.get("type"), document.get("error")
    )
