"""The generator: the same seed gives the same run, and faults that touch the same thing are never in force at once."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.schedule import MOST_AT_ONCE, Kind, Planned, schedule

KINDS = [
    Kind("relay killed", frozenset({"relay"}), 0.5, 2.0),
    Kind("relay frozen", frozenset({"relay"}), 3.0, 9.0),
    Kind("broker killed", frozenset({"broker"}), 1.0, 4.0),
    Kind("broker cut off", frozenset({"broker", "network"}), 3.0, 3.0),
    Kind("writer open", frozenset({"writer"}), 10.0, 30.0),
]
seeds = st.integers(0, 2**32)
durations = st.floats(0, 900)


def overlap(one: Planned, other: Planned) -> bool:
    return one.at_s < other.end_s and other.at_s < one.end_s


@given(seeds, durations)
def test_a_seed_gives_the_same_schedule_every_time(seed: int, duration_s: float) -> None:
    assert schedule(seed, duration_s, KINDS) == schedule(seed, duration_s, reversed(KINDS))


@given(seeds, durations)
def test_everything_is_healed_by_the_end(seed: int, duration_s: float) -> None:
    assert all(0 <= each.at_s <= each.end_s <= duration_s + 0.02 for each in schedule(seed, duration_s, KINDS))


@given(seeds, durations)
def test_faults_begin_in_the_order_of_the_schedule(seed: int, duration_s: float) -> None:
    begins = [each.at_s for each in schedule(seed, duration_s, KINDS)]
    assert begins == sorted(begins)


@given(seeds, durations)
def test_faults_in_force_at_once_touch_different_things(seed: int, duration_s: float) -> None:
    planned = schedule(seed, duration_s, KINDS)
    for one, other in combinations(planned, 2):
        assert not (overlap(one, other) and one.fault.touches & other.fault.touches)
    for each in planned:
        assert sum(other.at_s <= each.at_s < other.end_s for other in planned) <= MOST_AT_ONCE


@given(seeds)
def test_a_long_run_injects_every_fault_alone_and_then_mixtures(seed: int) -> None:
    planned = schedule(seed, 600, KINDS)
    alone = planned[: len(KINDS)]
    assert {each.fault for each in alone} == set(KINDS)
    assert not any(overlap(one, other) for one, other in combinations(alone, 2))
    assert any(overlap(one, other) for one, other in combinations(planned, 2))


def test_another_seed_gives_another_schedule() -> None:
    assert schedule(1, 600, KINDS) != schedule(2, 600, KINDS)
