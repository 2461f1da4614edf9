"""A service's tables as a backup holds them, and as its own events make them again."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from random import Random
from typing import Any

import psycopg

from infirmary.postgres.transaction import Transaction
from infirmary.registry import room
from infirmary.restoring.declaration import Restoring
from infirmary.tracing.causation import causation_of
from tests.integration.services.postman import Said, Service

NOT_ITS_OWN = {"patient_snapshot", "saga"}
"""Tables that are made again by others' events, which are read again, and by the library."""

Rows = dict[str, list[str]]
"""Table to its rows, as COPY writes them, sorted."""


@dataclass(frozen=True)
class Backup:
    """What a backup holds.

    Attributes:
        rows: The service's own tables.
        given_out: The last number that was given out, by subject.
    """

    rows: Rows
    given_out: dict[str, int]


def back_up(service: Service) -> Backup:
    """Takes a backup of a service's database as it is now."""
    numbers = service.database.execute("SELECT subject, last FROM outbox_sequence").fetchall()
    return Backup(rows_of(service.name, service.database), dict(numbers))


def nothing(service: Service) -> Backup:
    """Returns the backup of a database that was empty."""
    return Backup({table: [] for table in _tables(service.name)}, {})


def rows_of(service: str, database: psycopg.Connection[Any]) -> Rows:
    """Returns the rows of a service's own tables."""
    return {table: sorted(_copied(database, table)) for table in _tables(service)}


def said_since(service: Service, backup: Backup) -> list[Said]:
    """Returns the events with numbers that the backup has not given out yet."""
    return [each for each in service.said if each.sequence > backup.given_out.get(each.subject, 0)]


def restored(service: Service, backup: Backup, said: Iterable[Said]) -> Rows:
    """Returns the rows that follow from a backup and from events, and leaves the database as it is."""
    restoring: Restoring = room(service.name, "restoring").restoring
    with psycopg.connect(service.settings.as_owner().database_url) as database:
        tables = _tables(service.name)
        database.execute(f"TRUNCATE {', '.join(tables)}".encode())
        for table in tables:
            with database.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
                copy.write("".join(backup.rows[table]))
        tx = Transaction(database, service.name, causation_of(None, None, None))
        for each in said:
            tx.written_at = each.written_at.isoformat()
            kind, restore = restoring.events.get(each.type, (None, None))
            if kind is not None and restore is not None:
                restore(kind.model_validate_json(each.body), tx)
        assert tx.messages == [], "a restore tells nobody anything"
        rows = rows_of(service.name, database)
        database.rollback()
    return rows


def shuffled(said: Iterable[Said], random: Random) -> Iterator[Said]:
    """Yields events in another order that keeps that of each subject."""
    subjects: dict[str, deque[Said]] = defaultdict(deque)
    for each in said:
        subjects[each.subject].append(each)
    while subjects:
        subject = random.choice(sorted(subjects))
        yield subjects[subject].popleft()
        if not subjects[subject]:
            del subjects[subject]


def _tables(service: str) -> list[str]:
    metadata = import_module(f"services.{service}.tables").metadata
    return [table.name for table in metadata.sorted_tables if table.name not in NOT_ITS_OWN]


def _copied(database: psycopg.Connection[Any], table: str) -> list[str]:
    with database.cursor().copy(f"COPY {table} TO STDOUT".encode()) as copy:
        return b"".join(bytes(block) for block in copy).decode().splitlines(keepends=True)
