"""What is over of sagas is moved to the archive, whole, and dropped after a second time; nothing else is."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.types.json import Jsonb

from infirmary.beside import Beside
from infirmary.identifiers import least_id_of
from infirmary.postgres.housekeeping import chores_of_consumer, housekeeping_of_consumer
from infirmary.postgres.tables import GrowingTable, measured
from infirmary.settings import Settings
from services.__main__ import cli
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase

STEPS = [{"name": "bed", "state": "done", "at": None}]
STATE = {
    "status": "completed",
    "current_step": "bed",
    "steps": STEPS,
    "attempt": 1,
    "tried_since": None,
    "reason": None,
}


def begun(days_ago: float) -> UUID:
    """Returns an id of so many days ago."""
    return UUID(int=least_id_of(time.time() - days_ago * 86_400).int | uuid4().int & (2**62 - 1))


class Archiving:
    """A database with sagas, and its housekeeping."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = psycopg.connect(settings.as_owner().database_url, autocommit=True)

    def saga(self, saga_id: UUID, status: str = "completed", told_days_ago: float | None = None) -> UUID:
        """Adds a saga with two lines of history, the last of which is as old as it, if nothing else is said."""
        self.database.execute(
            """INSERT INTO saga (saga_id, name, status, state, data, correlation_id, traceparent)
               VALUES (%s, 'admission', %s, %s, '{"ward_id": "W1"}', 'c', 't')""",
            (saga_id, status, Jsonb(STATE | {"status": status})),
        )
        for happened in ("it was started", "bed: done"):
            self.database.execute(
                """INSERT INTO saga_history (saga_id, at, happened, status, sent)
                   VALUES (%s, now() - %s * interval '1 day', %s, %s, 'something')""",
                (saga_id, 9 if told_days_ago is None else told_days_ago, happened, status),
            )
        return saga_id

    def answer(self, saga_id: UUID) -> UUID:
        """Adds what was answered to two steps of a saga."""
        self.database.execute(
            "INSERT INTO saga_outcome VALUES (%s, 'bed', 'done'), (%s, 'bill', 'refused')", 2 * [saga_id]
        )
        return saga_id

    def run(self, days_later: float = 0.0) -> None:
        """Does all chores to their end, as they would be done so many days from now on."""
        for chore in chores_of_consumer(self.settings, self.database, lambda: time.time() + days_later * 86_400):
            while chore.some():
                pass

    def ids(self, table: str) -> set[UUID]:
        return {saga_id for (saga_id,) in self.database.execute(f"SELECT saga_id FROM {table}".encode())}

    def tables(self) -> Counter[str]:
        """Returns how many tables there are, of each archive those of its weeks."""
        names = self.database.execute("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
        return Counter(name[: -len("_2026_11_23")] for (name,) in names)


@pytest.fixture
def archiving(new_database: NewDatabase) -> Iterator[Archiving]:
    archiving = Archiving(new_database("admission"))
    yield archiving
    archiving.database.close()


def test_sagas_that_ended_a_while_ago_are_archived_and_all_others_stay(archiving: Archiving) -> None:
    old = {archiving.saga(begun(8)), archiving.saga(begun(20), "failed"), archiving.saga(begun(35))}
    stays = {
        archiving.saga(begun(6)),
        archiving.saga(begun(8), told_days_ago=6),  # an operator has resumed it
        archiving.saga(uuid4()),  # nobody knows how old it is
        *(archiving.saga(begun(40), status) for status in ("running", "compensating", "parked")),
    }
    archiving.run()
    assert (archiving.ids("saga"), archiving.ids("saga_history")) == (stays, stays)
    assert archiving.ids("saga_archive") == old
    assert archiving.tables()["saga_archive"] == len({saga_id.int >> 80 for saga_id in old})


def test_an_archived_saga_has_its_whole_history(archiving: Archiving) -> None:
    saga_id = archiving.saga(begun(30))
    before = shown(archiving, saga_id)
    archiving.run()
    assert archiving.ids("saga") == set()
    assert shown(archiving, saga_id) == before
    assert "it was started" in before


def test_what_was_answered_to_old_sagas_is_archived(archiving: Archiving) -> None:
    old, young = archiving.answer(begun(8)), archiving.answer(begun(6))
    archiving.run()
    assert (archiving.ids("saga_outcome"), archiving.ids("saga_outcome_archive")) == ({young}, {old})
    found = archiving.database.execute("SELECT step, outcome FROM saga_outcome_archive ORDER BY step").fetchall()
    assert found == [("bed", "done"), ("bill", "refused")]


def test_weeks_are_dropped_when_all_of_them_is_older_than_what_is_kept(archiving: Archiving) -> None:
    archiving.settings = archiving.settings.model_copy(update={"saga_kept_days": 60})
    for days_ago in (10, 24, 38, 52):
        archiving.answer(archiving.saga(begun(days_ago)))
    for days_later, left in ((0, 4), (16, 3), (30, 2), (58, 0)):
        archiving.run(days_later)
        assert archiving.tables() == Counter({"saga_archive": left, "saga_outcome_archive": left} if left else {})
        assert (len(archiving.ids("saga_archive")), len(archiving.ids("saga_outcome_archive"))) == (
            left,
            2 * left and left,
        )


def test_more_than_a_batch_is_moved_in_one_pass_and_counted(archiving: Archiving) -> None:
    archiving.database.execute(
        """INSERT INTO saga_outcome (saga_id, step, outcome)
           SELECT overlay(gen_random_uuid()::text PLACING %s FROM 1 FOR 15)::uuid, 'bed', 'done'
           FROM generate_series(1, 2500)""",
        (str(begun(8))[:15],),
    )
    archiving.run()
    assert (len(archiving.ids("saga_outcome")), len(archiving.ids("saga_outcome_archive"))) == (0, 2500)
    archive = GrowingTable("saga_outcome_archive", oldest="SELECT min(recorded_at) FROM saga_outcome_archive")
    assert measured(archiving.database, archive).rows == 2500


def test_a_saga_in_somebodys_hands_is_left_for_the_next_time(archiving: Archiving) -> None:
    held, free = archiving.saga(begun(9)), archiving.saga(begun(8))
    with psycopg.connect(archiving.settings.as_owner().database_url) as other:
        other.execute("SELECT FROM saga WHERE saga_id = %s FOR UPDATE", (held,))
        archiving.run()
        assert (archiving.ids("saga"), archiving.ids("saga_archive")) == ({held}, {free})
    archiving.run()
    assert archiving.ids("saga_archive") == {held, free}


def test_a_saga_begun_once_more_after_it_was_archived_is_told_with_the_first(archiving: Archiving) -> None:
    saga_id = archiving.saga(begun(9))
    archiving.run()
    archiving.saga(saga_id, "failed")
    archiving.run()
    assert archiving.ids("saga") == set()
    ((status, lines),) = archiving.database.execute("SELECT status, jsonb_array_length(history) FROM saga_archive")
    assert (status, lines) == ("failed", 4)


def test_one_process_at_a_time_does_it(archiving: Archiving) -> None:
    saga_id = archiving.saga(begun(9))
    role = "admission/consumer/housekeeping"
    with psycopg.connect(archiving.settings.as_owner().database_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (role,))
        housekeeping = Beside([housekeeping_of_consumer("admission", archiving.settings, every_s=0.05)])
        came = set[tuple[int]]()

        def has_left_again() -> bool:
            came.update(
                archiving.database.execute("SELECT pid FROM pg_stat_activity WHERE application_name = %s", (role,))
            )
            return len(came) > 1

        eventually(has_left_again, because="one pass is over when the next has begun")
        assert archiving.ids("saga") == {saga_id}
    eventually(lambda: archiving.ids("saga_archive") == {saga_id}, because="the other one has ended")
    housekeeping.close()


def shown(archiving: Archiving, saga_id: UUID) -> Any:
    result = CliRunner().invoke(
        cli, ["admission", "sagas", "show", str(saga_id)], env={"DATABASE_URL": archiving.settings.database_url}
    )
    assert result.exit_code == 0, result.output
    return result.output
