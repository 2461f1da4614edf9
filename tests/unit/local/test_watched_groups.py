"""What the watcher for a parent's death makes of the lines it gets."""

from hypothesis import given
from hypothesis import strategies as st

from local.parent_death import read_watched


def test_what_has_ended_is_no_longer_watched() -> None:
    assert read_watched(["10 15\n", "11 2\n", "10 0\n"]) == {11: 2}


def test_a_number_that_came_back_is_watched_with_its_new_signal() -> None:
    assert read_watched(["10 15\n", "10 0\n", "10 2\n"]) == {10: 2}


@given(st.lists(st.tuples(st.integers(2, 9), st.sampled_from([0, 2, 15]))))
def test_the_last_line_about_a_group_counts(told: list[tuple[int, int]]) -> None:
    last = dict(told)
    expected = {group: number for group, number in last.items() if number}
    assert read_watched(f"{group} {number}\n" for group, number in told) == expected
