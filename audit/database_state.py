"""Reads what a service's database says about its messages, with one statement, so as of one moment."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from audit.addresses import Address
from audit.facts import DatabaseState, HeldMessage, SagaFact
from audit.log_parts import counted

CONNECT_TIMEOUT_S = 3

DATABASE_ERRORS = (psycopg.Error, PyMongoError)
"""What a database raises while it is away, or when it refuses."""

_SESSION = """
SET statement_timeout = '60s'; SET lock_timeout = '5s'; SET idle_session_timeout = 0;
SET DateStyle = 'ISO, YMD'; SET TimeZone = 'UTC'; SET bytea_output = 'hex'; SET jit = off;
SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = on
"""
"""What an administrator has set for the role or the database must not change what is read."""

_TABLES = (
    "outbox", "outbox_log", "parked_message", "log_reader", "outbox_sequence", "log_sequence", "saga", "outbox_relay",
)  # fmt: skip
_WHICH_TABLES = "SELECT ARRAY(SELECT name FROM unnest(%s::text[]) name WHERE to_regclass(name) IS NOT NULL)"
_STATE = {
    "outbox": ("SELECT count(*) FROM outbox", "0"),
    "outbox_log": ("SELECT coalesce(jsonb_agg(log), '[]') FROM outbox_log", "'[]'::jsonb"),
    "parked_message": (
        "SELECT coalesce(jsonb_agg(jsonb_build_array(channel, subject, type, error)), '[]') FROM parked_message",
        "'[]'::jsonb",
    ),
    "log_reader": ("SELECT coalesce(jsonb_object_agg(log, last_offset), '{}') FROM log_reader", "'{}'::jsonb"),
    "outbox_sequence": (
        "SELECT coalesce(jsonb_object_agg(subject, last), '{}') FROM outbox_sequence WHERE %(full)s",
        "'{}'::jsonb",
    ),
    "log_sequence": (
        "SELECT coalesce(jsonb_agg(jsonb_build_array(source, subject, last)), '[]') FROM log_sequence WHERE %(full)s",
        "'[]'::jsonb",
    ),
    "saga": (
        """SELECT coalesce(jsonb_agg(jsonb_build_array(saga_id, name, status, state)), '[]') FROM saga
           WHERE %(full)s OR status NOT IN ('completed', 'failed')""",
        "'[]'::jsonb",
    ),
    "outbox_relay": (
        "SELECT count(*) FROM outbox_relay WHERE seen_at > clock_timestamp() - interval '15 s'",
        "NULL::bigint",
    ),
}
"""What is read of each table, and what stands for it where it is absent: not every service keeps all of them."""
_GIVEN_OUT = """
SELECT coalesce(jsonb_object_agg(log, given_out), '{}')
FROM (SELECT CASE WHEN starts_with(subject, %(service)s || '.to.') THEN split_part(subject, ' ', 1)
                  ELSE %(service)s END AS log, sum(last)::bigint AS given_out
      FROM outbox_sequence GROUP BY 1) AS logs
"""


class StateReader:
    """Reads the state of one service's database, again and again."""

    def __init__(self, address: Address) -> None:
        """Prepares the reader of a service whose database's URL is known; nothing connects yet."""
        self._address = address
        self._url = address.database_url or ""
        self._postgres: psycopg.Connection[tuple[Any, ...]] | None = None
        self._mongo: MongoClient[dict[str, Any]] | None = None
        self.given_out: Mapping[str, int] = {}

    def read(self, *, full: bool) -> DatabaseState:
        """Reads the state of the database.

        Args:
            full: With all sequences and all sagas; else only what is open. Either way `given_out` then holds the
                number of messages written to each log, by its stem; nothing where that is not kept.

        Raises:
            psycopg.Error, pymongo.errors.PyMongoError: The database is away, or does not let us look.
        """
        return self._of_mongo(full) if self._url.startswith("mongodb") else self._of_postgres(full)

    def close(self) -> None:
        """Ends the connection."""
        if self._postgres is not None:
            self._postgres.close()
        if self._mongo is not None:
            self._mongo.close()
        self._postgres = self._mongo = None

    def _of_postgres(self, full: bool) -> DatabaseState:
        if self._postgres is None or self._postgres.closed:
            self._postgres = postgres_session(self._address)
        there = set(_only(self._postgres.execute(_WHICH_TABLES, (list(_TABLES),)))[0])
        parts = [f"({_STATE[table][0]})" if table in there else _STATE[table][1] for table in _TABLES]
        parts.append(f"({_GIVEN_OUT})" if "outbox_sequence" in there else "'{}'::jsonb")
        wanted = {"full": full, "service": self._address.service}
        row = _only(self._postgres.execute("SELECT " + ",\n".join(parts), wanted))
        outbox, writes, held, readers, given, applied, sagas, relays, self.given_out = row
        return DatabaseState(
            outbox=outbox,
            held=[held_message(*each) for each in held],
            readers=readers,
            writes=writes,
            given=by_log(self._address.service, given),
            applied={(source, subject): last for source, subject, last in applied},
            sagas=[saga_fact(*each) for each in sagas],
            absent=[table for table in _TABLES if table not in there],
            relays=relays,
        )

    def _of_mongo(self, full: bool) -> DatabaseState:
        if self._mongo is None:
            self._mongo = mongo_client(self._address)
        database = self._mongo.get_default_database()
        names = database.list_collection_names()
        waiting = sum(
            len(document["outbox"])
            for name in names
            for document in database[name].find({"outbox.0": {"$exists": True}}, {"outbox": 1})
        )
        return DatabaseState(
            outbox=waiting,
            held=[
                held_message(*(document.get(name) for name in ("channel", "subject", "type", "error")))
                for document in database["parked_message"].find()
            ],
            readers={each["_id"]: each.get("last_offset") for each in database["log_reader"].find()},
            writes=[each["_id"] for each in database["outbox_log"].find()],
            applied={
                (each["source"], each["subject"]): each["last"]
                for each in (database["log_sequence"].find() if full else ())
            },
        )


def postgres_session(address: Address) -> psycopg.Connection[tuple[Any, ...]]:
    """Opens a session in autocommit mode that reads and nothing else.

    Raises:
        psycopg.Error: The database is away, does not let us in, or does not prove its name.
    """
    session = psycopg.connect(
        address.database_url or "", autocommit=True, application_name="audit", **postgres_arguments(address)
    )
    session.execute(_SESSION)
    return session


def mongo_client(address: Address) -> MongoClient[dict[str, Any]]:
    """Returns a client of a MongoDB database; nothing connects yet."""
    return MongoClient(
        address.database_url,
        serverSelectionTimeoutMS=CONNECT_TIMEOUT_S * 1000,
        timeoutMS=60_000,
        uuidRepresentation="standard",
        **mongo_arguments(address),
    )


def postgres_arguments(address: Address) -> dict[str, Any]:
    """Returns with what psycopg connects to a service's database, beside its URL.

    Where certificates to trust are given, the server's certificate and name are checked, unless the URL says
    `sslmode=disable`. Of several hosts the one that takes writes is asked, unless the URL says otherwise: a standby
    may lag.
    """
    given = conninfo_to_dict(address.database_url or "")
    arguments: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, "client_encoding": "UTF8"}
    if address.database_ca_file is not None and given.get("sslmode") != "disable":
        arguments |= {"sslmode": "verify-full", "sslrootcert": str(address.database_ca_file)}
    if "," in str(given.get("host", "")) and "target_session_attrs" not in given:
        arguments["target_session_attrs"] = "primary"
    return arguments


def mongo_arguments(address: Address) -> dict[str, Any]:
    """Returns with what pymongo connects, beside the URL. Over TLS it checks the server's certificate and name."""
    url = (address.database_url or "").lower()
    is_encrypted = url.startswith("mongodb+srv") or "tls=true" in url or "ssl=true" in url
    if address.database_ca_file is None or not is_encrypted:
        return {}
    return {"tlsCAFile": str(address.database_ca_file)}


def _only(cursor: psycopg.Cursor[tuple[Any, ...]]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    if row is None:
        raise LookupError("a SELECT without FROM gave no row")
    return row


def by_log(service: str, given: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Returns the numbers that a service has given out, by the log's stem and the subject."""
    found: dict[str, dict[str, int]] = {}
    for name, last in given.items():
        stem, subject = counted(service, name)
        found.setdefault(stem, {})[subject] = last
    return found


def saga_fact(saga_id: str, name: str, status: str, state: Mapping[str, Any]) -> SagaFact:
    """Returns a saga as its orchestrator's database holds it."""
    steps = {str(step.get("name")): str(step.get("state")) for step in state.get("steps", ())}
    return SagaFact(UUID(saga_id), name, status, state.get("reason"), steps)


def held_message(channel: str | None, subject: str | None, kind: str | None, error: str | None) -> HeldMessage:
    """Returns a message that a service keeps, as its database holds it."""
    return HeldMessage(channel or "?", subject, kind, error)
