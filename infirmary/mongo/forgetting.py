"""Forgets the sequences of sagas that are long over, as a service with a PostgreSQL database does."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Final

from infirmary.identifiers import least_id_of
from infirmary.mongo.storage import MongoDatabase
from infirmary.transport.log_names import parsed

_DAY_S: Final = 86_400


def forget(
    database: MongoDatabase,
    logs: Collection[str],
    days: float,
    at_most: int,
    clock: Callable[[], float] = time.time,
) -> Mapping[str, int]:
    """Forgets at most so many of each log.

    Args:
        database: The service's.
        logs: Those that it reads.
        days: For how long a saga's place in them is remembered.
        at_most: How many.
        clock: Unix time.

    Returns:
        How many it has found, by collection.
    """
    sequences, found = database["log_sequence"], 0
    oldest = str(least_id_of(clock() - days * _DAY_S))
    for log in (log for log in logs if parsed(log).of_commands):
        # What is held of a saga keeps its place: without it, what waits behind a parked message would go before it.
        held = database["parked_message"].distinct("subject", {"channel": log, "subject": {"$lt": oldest}})
        # The 13th digit of a UUID is its version: only version 7 has the time in front.
        old = {"source": log, "subject": {"$lt": oldest, "$regex": "^.{14}7", "$nin": held}}
        ids = [each["_id"] for each in sequences.find(old, {"_id": True}).limit(at_most)]
        if ids:
            sequences.delete_many({"_id": {"$in": ids}})
        found += len(ids)
    return {"log_sequence": found}
