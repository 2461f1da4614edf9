"""A log in several parts: in order across them, each with one reader, shared out among those that live."""

import pytest

from infirmary.transport.envelope import partition_of
from infirmary.transport.log_names import home, part_name
from tests.eventually import eventually
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import LOG

LATER_PART, LAST_PART = part_name(LOG, 1), part_name(LOG, 2)


def test_readers_know_who_else_lives(counting: Counting) -> None:
    other = counting.open_store()
    assert counting.store.positions.rank() == (0, 1)
    assert {other.positions.rank(), counting.store.positions.rank()} == {(0, 2), (1, 2)}
    other.close()
    eventually(lambda: counting.store.positions.rank() == (0, 1), because="the other one is gone")


def test_a_part_that_was_found_is_known_to_all_and_has_one_reader_at_a_time(counting: Counting) -> None:
    other = counting.open_store()
    for _ in range(2):
        counting.store.positions.note(LATER_PART)
    assert other.positions.offsets()[LATER_PART] is None
    assert counting.store.positions.own(LATER_PART)
    assert not other.positions.own(LATER_PART)
    counting.store.positions.let_go(LATER_PART)
    assert other.positions.own(LATER_PART)
    counting.store.tend()


def test_an_event_waits_for_the_one_before_it_in_another_part(counting: Counting) -> None:
    counting.own(LATER_PART)
    counting.apply(LATER_PART, counting.told("a", 2))
    assert counting.numbers("a") == []
    assert not counting.retry(LATER_PART)
    counting.read(counting.told("a", 1))
    assert counting.retry(LATER_PART)
    assert (counting.numbers("a"), counting.held()) == ([1, 2], [])


def test_all_that_waited_for_one_in_another_part_is_applied_at_once(counting: Counting) -> None:
    counting.own(LATER_PART)
    counting.apply(LATER_PART, *(counting.told("a", number) for number in (2, 3, 4, 5, 7)))
    counting.read(counting.told("a", 1))
    assert counting.retry(LATER_PART) == 4
    assert (counting.numbers("a"), counting.held()) == ([1, 2, 3, 4, 5], [("a", 7, "waits")])


@pytest.mark.parametrize(("first_offset", "applied"), [(0, []), (7, [5])])
def test_a_subject_may_start_above_1_where_the_part_that_it_came_from_has_lost_its_beginning(
    counting: Counting, first_offset: int, applied: list[int]
) -> None:
    counting.set_first_offset(LOG, first_offset)
    counting.own(LAST_PART)
    assert counting.store.positions.read(LAST_PART).has_all_of(None) == (not first_offset)
    counting.apply(LAST_PART, counting.told("a", 5))
    assert counting.numbers("a") == applied


def test_what_is_told_goes_to_the_part_of_its_subject(counting: Counting) -> None:
    counting.settings = counting.settings.model_copy(update={"log_parts": 4})
    counting.end_reader(counting.store)
    counting.take_over()
    counting.read(*(counting.told(counter, 1) for counter in "abcd"))
    targets = {row.subject: row.target for row in counting.outbox()}
    assert targets == {
        f"{each} 1": part_name("notification.events", home(partition_of(f"{each} 1"), 4)) for each in "abcd"
    }
