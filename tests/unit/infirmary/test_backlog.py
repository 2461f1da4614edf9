"""The old queue is read as far as it was when it was first looked into, and not much further."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.old_queue import PREFETCH, Backlog

some = st.integers(0, 100_000)


@given(received=some, left=some, sent_ahead=st.integers(0, PREFETCH), came_later=some)
def test_the_end_of_a_backlog_is_behind_all_of_it_and_no_more_than_the_prefetch_further(
    received: int, left: int, sent_ahead: int, came_later: int
) -> None:
    was_in_it = received + sent_ahead + left
    end = Backlog(received, left).end(received + sent_ahead + came_later)
    assert was_in_it <= end <= was_in_it + PREFETCH


@given(received=some, left=some)
def test_the_end_of_a_backlog_behind_which_nothing_came_is_its_own(received: int, left: int) -> None:
    assert Backlog(received, left).end(received) == received + left
