"""Every id of version 7 belongs to one week of the archive, and to a partition whose name tells it."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from infirmary.identifiers import least_id_of
from infirmary.postgres.archive.weeks import Week
from infirmary.postgres.library_tables import is_of_library

TIMES = st.integers(0, int(datetime(9000, 1, 1, tzinfo=UTC).timestamp() * 1000)).map(lambda ms: ms / 1000)
RANDOM_BITS = st.integers(0, 2**62 - 1)


@given(TIMES, RANDOM_BITS)
def test_an_id_belongs_to_the_week_of_its_time(at: float, drawn: int) -> None:
    saga_id = UUID(int=least_id_of(at).int | drawn)
    week = Week.of_id(saga_id)
    assert week == Week.of_time(at)
    assert week.monday <= datetime.fromtimestamp(at, UTC).date() < week.monday + timedelta(weeks=1)


@given(TIMES)
def test_a_week_is_over_when_the_next_one_has_begun(at: float) -> None:
    week = Week.of_time(at)
    assert not week.is_over(at)
    assert week.is_over(at + timedelta(weeks=1).total_seconds())


@given(TIMES)
def test_a_partitions_name_tells_its_week_and_is_known_as_the_librarys(at: float) -> None:
    week = Week.of_time(at)
    name = f"saga_archive_{week.monday:%Y_%m_%d}"
    assert Week.of_partition(name, "saga_archive") == week
    assert is_of_library(name)


def test_a_table_of_another_name_is_no_week() -> None:
    assert Week.of_partition("saga_archive_2026_11_23", "saga_archive") == Week(date(2026, 11, 23))
    assert Week.of_partition("saga_archive_by_hand", "saga_archive") is None
    assert Week.of_partition("saga_outcome_archive_2026_11_23", "saga_archive") is None
    assert not is_of_library("saga_archive_by_hand")
