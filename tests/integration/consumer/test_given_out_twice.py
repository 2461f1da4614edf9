"""A publisher was set back and has given numbers out again: its messages are held where anybody sees them."""

import time
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from infirmary.consumer.sequence import CLOCKS_DIFFER_S
from infirmary.identifiers import least_id_of
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import LOG, Faults
from tests.integration.consumer.test_operators import first_id, listed, parked


@pytest.fixture
def set_back(counting: Counting) -> Counting:
    """The counting service, which has applied 1, 2 and 3 of `a`; then the publisher has given 2 and 3 out again."""
    counting.read(*(counting.told("a", number) for number in (1, 2, 3)))
    later = least_id_of(time.time() + CLOCKS_DIFFER_S + 10)
    counting.read(counting.told("a", 20, 2, message_id=later), counting.told("a", 30, 3), counting.told("b", 1))
    return counting


def test_they_are_held_and_nothing_waits_for_them(set_back: Counting) -> None:
    assert (set_back.numbers("a"), set_back.numbers("b")) == ([1, 2, 3], [1])
    assert set_back.held() == [("a", 2, "parked"), ("a", 3, "parked")]
    set_back.read(set_back.told("a", 4), set_back.told("a", 5))
    assert set_back.numbers("a") == [1, 2, 3, 4, 5]


def test_an_operator_reads_what_happened_and_what_can_be_done(set_back: Counting) -> None:
    errors = [row["error"] for row in listed(set_back)]
    assert all("the database of ward was set back and has given the number out again" in error for error in errors)
    assert all("`retry` with its id applies it, `discard` drops it" in error for error in errors)


def test_they_are_counted(counting: Counting) -> None:
    before = REGISTRY.get_sample_value("infirmary_numbers_given_out_twice_total", {"channel": LOG}) or 0.0
    counting.read(counting.told("a", 1))
    counting.read(counting.told("a", 10, 1))
    assert REGISTRY.get_sample_value("infirmary_numbers_given_out_twice_total", {"channel": LOG}) == before + 1


def test_they_are_not_tried_by_themselves_nor_with_all_others(set_back: Counting) -> None:
    set_back.make_due(after=timedelta(days=-1))
    assert "Due now: 0." in parked(set_back, "retry", "--all").output
    set_back.retry_all(LOG)
    assert set_back.held() == [("a", 2, "parked"), ("a", 3, "parked")]


def test_a_retry_of_one_applies_it_whatever_has_come_since(set_back: Counting) -> None:
    set_back.read(set_back.told("a", 4))
    parked(set_back, "retry", first_id(set_back))
    set_back.retry(LOG)
    assert set_back.numbers("a") == [1, 2, 3, 4, 20]
    assert set_back.held() == [("a", 3, "parked")]
    set_back.read(set_back.told("a", 5))
    assert set_back.numbers("a") == [1, 2, 3, 4, 20, 5]


def test_one_that_fails_when_it_is_applied_after_all_is_not_taken_for_a_duplicate_later(
    set_back: Counting, faults: Faults
) -> None:
    faults.breaks("a")
    parked(set_back, "retry", first_id(set_back))
    set_back.retry(LOG)
    assert "it fails: Unlucky: a" in listed(set_back)[0]["error"]
    faults.broken.clear()
    set_back.make_due()
    set_back.retry(LOG)
    assert set_back.numbers("a") == [1, 2, 3, 20]


def test_one_that_is_discarded_is_gone_and_nothing_else_changes(set_back: Counting) -> None:
    parked(set_back, "discard", first_id(set_back), "--yes")
    assert set_back.held() == [("a", 3, "parked")]
    assert set_back.sequences()["ward", "a"] == 3


def test_one_that_comes_again_is_held_once(counting: Counting) -> None:
    counting.read(counting.told("a", 1))
    again = counting.told("a", 10, 1)
    counting.read(again)
    counting.read(again)
    assert counting.held() == [("a", 1, "parked")]


def test_what_another_reader_has_applied_is_known_to_the_next_one(counting: Counting) -> None:
    counting.read(counting.told("a", 1))
    counting.end_reader(counting.store)
    counting.take_over()
    counting.read(counting.told("a", 10, 1))
    assert counting.held() == [("a", 1, "parked")]
