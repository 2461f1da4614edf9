"""Each caller has its share of requests, and nobody is remembered for long."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.http.callers import sender_at
from infirmary.http.rates import BURST_S, CallerRates

RATES = st.integers(min_value=1, max_value=50)
PAUSES = st.floats(min_value=0, max_value=3 * BURST_S, allow_nan=False)
ROUNDING_S = 1e-6


def times(pauses: Iterable[float]) -> list[float]:
    found, now = [], 1000.0
    for pause in pauses:
        now += pause
        found.append(now)
    return found


@given(RATES, st.lists(PAUSES | st.just(0.0) | st.floats(0, 0.1), max_size=300))
def test_no_stretch_of_time_holds_more_than_the_rate_and_one_burst(per_s: int, pauses: list[float]) -> None:
    rates = CallerRates(per_s)
    let_in = [now for now in times(pauses) if rates.wait_s("a", now) == 0]
    for first, begin in enumerate(let_in):
        for last in range(first, len(let_in)):
            stretch_s = let_in[last] - begin
            assert last - first + 1 <= (stretch_s + BURST_S + ROUNDING_S) * per_s


@given(RATES, st.lists(PAUSES, max_size=100))
def test_who_keeps_to_the_rate_is_never_kept_waiting(per_s: int, pauses: list[float]) -> None:
    rates = CallerRates(per_s)
    assert all(rates.wait_s("a", now) == 0 for now in times(1 / per_s + pause for pause in pauses))


@given(RATES, st.integers(min_value=0, max_value=200))
def test_who_waits_for_as_long_as_was_said_is_let_in(per_s: int, more: int) -> None:
    rates, now = CallerRates(per_s), 1000.0
    waits_s = [rates.wait_s("a", now) for _ in range(int(BURST_S) * per_s + 1 + more)]
    assert waits_s[: int(BURST_S) * per_s - 1] == [0.0] * (int(BURST_S) * per_s - 1)
    assert waits_s[-1] > 0
    assert rates.wait_s("a", now + waits_s[-1] + ROUNDING_S) == 0


@given(RATES, st.lists(st.tuples(st.sampled_from("abc"), PAUSES | st.just(0.0)), max_size=200))
def test_each_caller_is_treated_as_if_it_were_the_only_one(per_s: int, sent: list[tuple[str, float]]) -> None:
    together, apart = CallerRates(per_s), {name: CallerRates(per_s) for name in "abc"}
    for (name, _), now in zip(sent, times(pause for _, pause in sent), strict=True):
        assert (together.wait_s(name, now) == 0) is (apart[name].wait_s(name, now) == 0)


def test_a_caller_that_has_been_quiet_is_forgotten() -> None:
    rates = CallerRates(5)
    for number in range(1000):
        rates.wait_s(str(number), 1000.0 + number / 1000)
    assert len(rates) == 1000
    for round_ in (1, 2, 3):
        rates.wait_s("somebody", 1001.0 + round_ * BURST_S)
    assert len(rates) == 1


@pytest.mark.parametrize(
    ("address", "caller"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
        ("not:an:address", "not:an:address"),
        ("", ""),
    ],
)
def test_a_caller_is_an_address_or_its_network(address: str, caller: str) -> None:
    assert sender_at(address) == caller
