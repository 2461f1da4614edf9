"""Housekeeping in PostgreSQL: what the API and the consumer of a service clear, one process of each kind at a time."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, LiteralString, TypeAlias

import psycopg

from infirmary.beside import Round
from infirmary.housekeeping import EVERY_S, Begin, Chore, housekeeping
from infirmary.postgres.archive.outcomes import OUTCOMES, OldOutcomes
from infirmary.postgres.archive.partitions import OldPartitions, Partitions
from infirmary.postgres.archive.sagas import SAGAS, EndedSagas
from infirmary.postgres.ended_subjects import EndedSubjects
from infirmary.postgres.key_retention import KEYS, OldKeys
from infirmary.postgres.session import connect, session_options
from infirmary.settings import Settings

_TO_BE_ALONE: Final[LiteralString] = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
_SESSION: Final = session_options(lock_timeout="500ms", idle_session_timeout="60s")
"""What waits for a lock makes others wait behind it, and there is no hurry. One that is frozen lets others go on."""

Connection: TypeAlias = psycopg.Connection[Any]
Clock: TypeAlias = Callable[[], float]


def housekeeping_of_api(service: str, settings: Settings, every_s: float = EVERY_S) -> Round:
    """Returns the round that forgets old idempotency keys."""
    chores = partial(chores_of_api, settings)
    return housekeeping(_alone(settings, f"{service}/api/housekeeping", chores), [KEYS.name], every_s)


def housekeeping_of_consumer(service: str, settings: Settings, every_s: float = EVERY_S) -> Round:
    """Returns the round that archives what is over of sagas, drops old archives, and forgets ended subjects."""
    from infirmary.consumer.log_beginnings import LogBeginnings  # an API does without a consumer's metrics

    beginnings = LogBeginnings(service, settings)

    def chores(connection: Connection) -> Sequence[Chore]:
        ended = EndedSubjects(connection, service, settings.saga_sequence_days, beginnings)
        return [*chores_of_consumer(settings, connection), ended]

    tables = [EndedSagas.table, OldOutcomes.table, SAGAS, OUTCOMES, EndedSubjects.table]
    return housekeeping(_alone(settings, f"{service}/consumer/housekeeping", chores), tables, every_s)


def chores_of_api(settings: Settings, connection: Connection, clock: Clock = time.time) -> Sequence[Chore]:
    """Returns what is to be done once a minute for the tables of an API."""
    return [OldKeys(connection, settings.idempotency_key_days, clock)]


def chores_of_consumer(settings: Settings, connection: Connection, clock: Clock = time.time) -> Sequence[Chore]:
    """Returns what is to be done once a minute for the tables of a consumer that hold what is over of sagas."""
    sagas, outcomes = Partitions(connection, SAGAS), Partitions(connection, OUTCOMES)
    after_days, kept_days = settings.saga_archive_after_days, settings.saga_kept_days
    return [
        EndedSagas(connection, sagas, after_days, clock),
        OldOutcomes(connection, outcomes, after_days, clock),
        OldPartitions(sagas, kept_days, clock),
        OldPartitions(outcomes, kept_days, clock),
    ]


def _alone(settings: Settings, role: str, chores: Callable[[Connection], Sequence[Chore]]) -> Begin:
    """Returns what opens a connection and gives the chores, unless another process of this role is at them."""

    @contextmanager
    def begin() -> Iterator[Iterator[Chore]]:
        with connect(settings, role, _SESSION) as connection:
            alone = connection.execute(_TO_BE_ALONE, (role,)).fetchone() == (True,)
            yield iter(chores(connection) if alone else ())

    return begin
