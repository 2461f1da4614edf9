"""Errors of PostgreSQL: those that pass roll the batch back, all others park the one event that has met them."""

import psycopg
import pytest

from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import LOG


def test_an_event_whose_own_message_is_refused_does_not_use_up_its_sequence(counting: Counting) -> None:
    counting.database.execute("ALTER TABLE outbox ADD CONSTRAINT picky CHECK (subject <> 'a')")
    counting.read(counting.told("a", 1), counting.told("b", 1))
    counting.database.execute("ALTER TABLE outbox DROP CONSTRAINT picky")
    assert (counting.numbers("a"), counting.numbers("b")) == ([], [1])
    assert counting.retry_now(LOG)
    assert (counting.numbers("a"), counting.held()) == ([1], [])


@pytest.mark.parametrize("state", ["08006", "40001", "40P01", "53100", "57P01"])
def test_a_fault_that_passes_rolls_the_whole_batch_back_and_parks_nothing(counting: Counting, state: str) -> None:
    good, bad = counting.told("a", 1), counting.told("b", 1, fault=state)
    with pytest.raises(psycopg.Error) as caught:
        counting.read(good, bad)
    assert counting.store.is_transient(caught.value)
    assert counting.numbers("a") == []
    assert counting.held() == []
    assert counting.rows("SELECT last_offset FROM log_reader WHERE log = %s", LOG) == [(None,)]


def test_any_other_database_error_parks_the_event(counting: Counting) -> None:
    counting.read(counting.told("a", 1, fault="23514"), counting.told("b", 1))
    assert counting.numbers("b") == [1]
    assert counting.held()[0][0] == "a"
