"""Percentiles are values that were measured."""

from hypothesis import given
from hypothesis import strategies as st

from demo.latency import Latency, percentile


def test_the_median_of_a_few() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([4.0, 3.0, 1.0, 2.0], 0.5) == 2.0


def test_p99_of_two_hundred_leaves_out_two() -> None:
    assert percentile([float(number) for number in range(1, 201)], 0.99) == 198.0


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1.0))
def test_at_least_that_share_is_not_above_it(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


def test_both_goals_have_to_be_met() -> None:
    assert Latency(39.0, 149.0).meets_goals
    assert not Latency(41.0, 100.0).meets_goals
    assert not Latency(10.0, 151.0).meets_goals
