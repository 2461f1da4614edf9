"""Does the housekeeping of a service as its processes do it, with a clock of the day that it is in the month."""

from collections.abc import Callable
from typing import Any, Final

import psycopg
from pymongo.database import Database

from benchmarks.month.days import DAY_S
from infirmary.consumer.ends import Beginnings
from infirmary.mongo.ended_subjects import EndedSubjects as EndedDocuments
from infirmary.mongo.forgetting import forget
from infirmary.postgres.ended_subjects import EndedSubjects
from infirmary.postgres.forgetting import Forgetting
from infirmary.postgres.housekeeping import chores_of_api, chores_of_consumer
from infirmary.registry import logs_written_by
from infirmary.settings import Settings
from infirmary.transport.log_names import parsed

_AT_MOST: Final = 1000

Clock = Callable[[], float]


def clear(service: str, settings: Settings, database: psycopg.Connection[Any], clock: Clock) -> None:
    """Clears the tables of a service with a PostgreSQL database until nothing is left that is too old."""
    ended = EndedSubjects(database, service, settings.saga_sequence_days, _beginnings(settings, clock), clock)
    for chore in (*chores_of_api(settings, database, clock), *chores_of_consumer(settings, database, clock), ended):
        while chore.some():
            pass
    written = [log for log in logs_written_by(service) if parsed(log).of_commands]
    read = [log for (log,) in database.execute("SELECT log FROM log_reader")]
    forgetting = Forgetting(database, written, settings.saga_sequence_days, clock)
    while any(forgetting.forget(read, _AT_MOST).values()):
        pass


def clear_documents(settings: Settings, database: Database[dict[str, Any]], clock: Clock) -> None:
    """Clears the library's collections of a service with a MongoDB database."""
    ended = EndedDocuments(database, settings.saga_sequence_days, _beginnings(settings, clock), clock)
    while ended.some():
        pass
    read = [str(each["_id"]) for each in database["log_reader"].find()]
    while any(forget(database, read, settings.saga_sequence_days, _AT_MOST, clock).values()):
        pass


def _beginnings(settings: Settings, clock: Clock) -> Beginnings:
    """Returns what logs would say of their beginnings that keep as much as is remembered of sagas: none is so old."""
    return lambda logs: dict.fromkeys(logs, clock() - settings.saga_sequence_days * DAY_S)
