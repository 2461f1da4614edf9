"""How far a rebuild is, and whether it has come as far as another reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.postgres.read_model import is_reached
from infirmary.rebuilds import Pace

OFFSETS = st.dictionaries(st.sampled_from("abc"), st.none() | st.integers(0, 3))


@pytest.mark.parametrize(
    ("pace", "words"),
    [
        (Pace(0, 0, 0, 0.0), "0 of 0 messages are applied (100 %)"),
        (Pace(10, 10, 40, 5.0), "10 of 40 messages are applied (25 %)"),
        (Pace(10, 20, 40, 5.0), "20 of 40 messages are applied (50 %), about 10 s are left"),
        (Pace(10, 40, 40, 5.0), "40 of 40 messages are applied (100 %), about 0 s are left"),
    ],
)
def test_the_time_left_is_told_by_what_was_applied_since_it_began(pace: Pace, words: str) -> None:
    assert pace.words() == words


@given(goal=OFFSETS, there=OFFSETS)
def test_a_goal_is_reached_when_nothing_of_any_log_was_read_only_by_the_other(
    goal: dict[str, int | None], there: dict[str, int | None]
) -> None:
    def read(offsets: dict[str, int | None]) -> set[tuple[str, int]]:
        return {(log, each) for log, last in offsets.items() if last is not None for each in range(last + 1)}

    assert is_reached(goal, there) == (read(goal) <= read(there))
