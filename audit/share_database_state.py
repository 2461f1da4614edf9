"""Reads of a service's database what belongs to one client's share, however much else there is."""

from collections.abc import Iterable, Sequence
from typing import Any

from audit.addresses import Address
from audit.database_state import by_log, held_message, mongo_client, postgres_session, saga_fact
from audit.facts import DatabaseState
from audit.log_parts import is_of_commands, writer_of

_STATE = """
SELECT (SELECT count(*) FROM outbox WHERE position(%(encoded)s::bytea IN header) > 0),
       (SELECT coalesce(jsonb_agg(jsonb_build_array(channel, subject, type, error)), '[]') FROM parked_message
        WHERE subject = ANY(%(subjects)s) OR starts_with(properties ->> 'correlation_id', %(mark)s)),
       (SELECT coalesce(jsonb_object_agg(log, last_offset), '{}') FROM log_reader),
       (SELECT coalesce(jsonb_object_agg(subject, last), '{}') FROM outbox_sequence WHERE subject = ANY(%(counted)s)),
       (SELECT coalesce(jsonb_agg(jsonb_build_array(source, subject, last)), '[]') FROM log_sequence
        WHERE subject = ANY(%(subjects)s)),
       (SELECT coalesce(jsonb_agg(jsonb_build_array(saga_id, name, status, state)), '[]') FROM saga
        WHERE starts_with(correlation_id, %(mark)s))
"""


def read_share(address: Address, mark: str, logs: Iterable[str], subjects: Sequence[str]) -> DatabaseState:
    """Reads what a service's database says about a share's messages, in one moment.

    Args:
        address: Where the service's database is.
        mark: How the share's correlation ids begin.
        logs: The stems of the logs that are read.
        subjects: What its messages are about.

    Raises:
        psycopg.OperationalError, pymongo.errors.PyMongoError: The database is away.
    """
    if (address.database_url or "").startswith("mongodb"):
        return _of_mongo(address, mark, subjects)
    with postgres_session(address) as connection:
        to_peers = [log for log in logs if is_of_commands(log) and writer_of(log) == address.service]
        counted = [*subjects, *(f"{log} {subject}" for log in to_peers for subject in subjects)]
        wanted = {"mark": mark, "encoded": mark.encode(), "subjects": list(subjects), "counted": counted}
        row = connection.execute(_STATE, wanted).fetchone()
    if row is None:
        raise LookupError("a SELECT without FROM gave no row")
    outbox, held, readers, given, applied, sagas = row
    return DatabaseState(
        outbox=outbox,
        held=[held_message(*each) for each in held],
        readers=readers,
        given=by_log(address.service, given),
        applied={(source, subject): last for source, subject, last in applied},
        sagas=[saga_fact(*each) for each in sagas],
    )


def _of_mongo(address: Address, mark: str, subjects: Sequence[str]) -> DatabaseState:
    with mongo_client(address) as client:
        database = client.get_default_database()
        waiting = sum(
            mark.encode() in bytes(message.get("header") or b"")
            for name in database.list_collection_names()
            for document in database[name].find({"outbox.0": {"$exists": True}}, {"outbox": 1})
            for message in document["outbox"]
        )
        ours: dict[str, Any] = {"subject": {"$in": list(subjects)}}
        return DatabaseState(
            outbox=waiting,
            held=[
                held_message(*(found.get(name) for name in ("channel", "subject", "type", "error")))
                for found in database["parked_message"].find(
                    {"$or": [ours, {"properties.correlation_id": {"$regex": f"^{mark}"}}]}
                )
            ],
            readers={each["_id"]: each.get("last_offset") for each in database["log_reader"].find()},
            applied={(each["source"], each["subject"]): each["last"] for each in database["log_sequence"].find(ours)},
        )
