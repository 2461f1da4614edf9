"""A backup and what a service has said since make its state, whatever was asked on the day."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest

from infirmary.postgres.session import SESSION
from infirmary.registry import room
from tests.integration.conftest import NewDatabase
from tests.integration.services.any_day import SERVICES, AnyDay
from tests.integration.services.postman import Hospital, Said, Service
from tests.integration.services.set_back import Backup, Rows, back_up, nothing, restored, rows_of, said_since, shuffled

ACTS = 150
RESTORED = [service for service in SERVICES if service != "admission"]
"""An admission is its saga, which the library makes again."""

TIMES = {"at", "created_at"}
LONG_AGO = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def hospital(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hospital]:
    # The postman comes late to some readers on a busy machine, and a reader's session that is idle is ended.
    monkeypatch.setattr("infirmary.postgres.store.READER_SESSION", SESSION)
    with ExitStack() as stack:
        yield Hospital(new_database, stack, SERVICES)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_backup_and_what_was_said_since_make_the_state(hospital: Hospital, seed: int) -> None:
    random = Random(seed)
    day, backups = AnyDay(hospital, random), list[tuple[Service, Backup]]()
    day.begin()
    for _ in range(ACTS):
        day.go_on()
        if random.random() < 0.1:
            service = hospital.services[random.choice(RESTORED)]
            backups.append((service, back_up(service)))
    day.end()
    for service, backup in [
        *backups,
        *((hospital.services[name], nothing(hospital.services[name])) for name in RESTORED),
    ]:
        wanted = told(rows_of(service.name, service.database))
        said = said_since(service, backup)
        assert told(restored(service, backup, said)) == wanted, service.name
        assert told(restored(service, backup, shuffled(said, random))) == wanted, f"{service.name}, shuffled"
    assert_everything_was_said(hospital)


@pytest.mark.parametrize(
    ("name", "table"),
    [("prescription", "prescriptions"), ("billing", "entries"), ("ward", "reservations"), ("lab", "lab_results")],
)
def test_events_of_a_release_that_told_no_times_are_from_when_they_were_written(
    hospital: Hospital, name: str, table: str
) -> None:
    day = AnyDay(hospital, Random(4))
    day.begin()
    for _ in range(ACTS // 2):
        day.go_on()
    day.end()
    service = hospital.services[name]
    rows = restored(service, nothing(service), [without_times(each) for each in service.said])[table]
    assert rows
    assert all("2001-02-03 04:05:06+00" in row for row in rows)


def without_times(said: Said) -> Said:
    """Returns an event as a release wrote it that told no times."""
    fields = {name: value for name, value in json.loads(said.body).items() if name not in TIMES}
    return replace(said, body=json.dumps(fields).encode(), written_at=LONG_AGO)


def told(rows: Rows) -> Rows:
    """Leaves out what nobody can see, and no event tells: empty accounts, and what was cancelled before it came."""
    shown = {table: [line for line in lines if "\tcancelled\n" not in line] for table, lines in rows.items()}
    if "medications" not in rows:
        shown = rows
    return {table: [line for line in lines if not line.endswith("\tf\t0.00\t0\n")] for table, lines in shown.items()}


def assert_everything_was_said(hospital: Hospital) -> None:
    """A day on which a kind of event did not occur would prove nothing about it."""
    for name in RESTORED:
        service = hospital.services[name]
        said = Counter(each.type for each in service.said)
        assert room(name, "restoring").restoring.events.keys() <= said.keys(), name
