"""Pauses between attempts."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.backoff import FIRST_S, LONGEST_S, pause_s


def test_the_first_pause_is_100_ms_and_each_one_is_twice_the_one_before() -> None:
    assert [pause_s(attempts) for attempts in (1, 2, 3, 4)] == [0.1, 0.2, 0.4, 0.8]


@given(st.integers(-10, 10**9))
def test_a_pause_is_between_the_first_and_the_longest_and_never_shrinks(attempts: int) -> None:
    assert FIRST_S <= pause_s(attempts) <= pause_s(attempts + 1) <= LONGEST_S


def test_the_longest_pause_is_reached_and_kept() -> None:
    assert pause_s(9) < LONGEST_S == pause_s(10) == pause_s(10**6)


@given(attempts=st.integers(1, 100), first_s=st.floats(0.001, 1), longest_s=st.floats(1, 100))
def test_both_ends_can_be_chosen(attempts: int, first_s: float, longest_s: float) -> None:
    assert pause_s(1, first_s, longest_s) == first_s
    assert pause_s(attempts, first_s, longest_s) <= longest_s
