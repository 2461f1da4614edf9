"""The archive has all that there was of a saga, and is looked at for those alone that can be in it."""

import time
from uuid import UUID, uuid4

import pytest

from infirmary.identifiers import least_id_of
from infirmary.postgres import library_tables
from infirmary.postgres.archive import outcomes, sagas
from infirmary.saga.archived import is_forgotten, may_be_archived


def begun(days_ago: float) -> UUID:
    return least_id_of(time.time() - days_ago * 86_400)


def test_the_archive_has_every_column_of_a_saga_but_when_it_is_due() -> None:
    columns = set(library_tables.saga.c.keys()) - {"due_at"}
    assert columns | {"history"} == set(library_tables.saga_archive.c.keys())
    assert columns == set(sagas.KEPT.split(", "))


def test_the_archive_has_every_column_of_an_outcome() -> None:
    columns = set(library_tables.saga_outcome.c.keys())
    assert columns == set(library_tables.saga_outcome_archive.c.keys()) == set(outcomes.KEPT.split(", "))


@pytest.mark.parametrize(
    ("saga_id", "archived", "forgotten"),
    [
        (begun(0), False, False),
        (begun(0.4), False, False),
        (begun(0.6), True, False),
        (begun(29.9), True, False),
        (begun(30.1), True, True),
        (begun(-1), False, False),
        (uuid4(), False, False),
    ],
)
def test_a_sagas_age_says_whether_it_may_be_archived_and_whether_it_is_forgotten(
    saga_id: UUID, archived: bool, forgotten: bool
) -> None:
    assert (may_be_archived(saga_id), is_forgotten(saga_id, 30)) == (archived, forgotten)
