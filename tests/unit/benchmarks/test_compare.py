"""Two checkouts are compared turn by turn, so that a machine that slows down spoils no comparison."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.compare import Measured, compared

values = st.floats(min_value=0.1, max_value=1e6)


@given(st.lists(st.tuples(values, st.floats(min_value=0.01, max_value=100)), min_size=1))
def test_a_machine_that_changes_between_turns_changes_no_ratio(turns: list[tuple[float, float]]) -> None:
    measured: list[tuple[Measured, Measured]] = [
        ({"rate": ("1/s", 100 * speed)}, {"rate": ("1/s", 90 * speed)}) for _, speed in turns
    ]
    (rate,) = compared(measured)
    assert rate.changes_percent == pytest.approx((-10, -10, -10))


def test_what_only_one_of_them_measures_is_left_out() -> None:
    old: Measured = {"rate": ("1/s", 2.0), "gone": ("ms", 1.0)}
    new: Measured = {"rate": ("1/s", 3.0), "new": ("ms", 1.0)}
    assert [each.name for each in compared([(old, new)])] == ["rate"]


def test_a_figure_that_was_nothing_has_no_ratio() -> None:
    (lost,) = compared([({"lost": ("messages", 0.0)}, {"lost": ("messages", 0.0)})])
    assert lost.changes_percent is None
