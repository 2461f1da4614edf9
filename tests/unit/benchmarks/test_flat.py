"""What goes up and down has stopped to grow; what goes up has not."""

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.month.flat import ALLOWED, has_stopped


@given(st.integers(6, 60), st.integers(1, 10_000))
def test_what_grows_by_the_same_every_day_has_not_stopped(days: int, a_day: int) -> None:
    assert not has_stopped([a_day * number for number in range(1, days + 1)])


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=20), st.lists(st.integers(0, 1000), min_size=2, max_size=20))
def test_what_stays_below_what_it_was_has_stopped(before: list[int], after: list[int]) -> None:
    days = min(len(before), len(after))
    before, after = before[:days], after[:days]
    assert has_stopped([0] * days + before + after) == (max(after) <= ALLOWED * max(before))


def test_a_week_that_is_dropped_as_a_whole_is_no_growth() -> None:
    assert has_stopped([number % 7 for number in range(30)])
