"""When the relay fetches next."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary.postgres.notify import GAP_S
from infirmary_relay.fetch_timing import LEAST_GAP_S, FetchTiming
from infirmary_relay.sources.postgres import WATCH_S

POLL_S = 0.1
TIMES_S = st.floats(0, 1e6)


@given(now=TIMES_S)
def test_a_message_after_a_pause_is_fetched_when_its_nudge_comes_even_if_there_was_just_a_look(now: float) -> None:
    timing = FetchTiming()
    timing.fetched(now, found=False, watch_s=WATCH_S, poll_s=POLL_S)
    assert timing.due_at(is_nudged=True) <= now


@given(now=TIMES_S, hurries=st.booleans(), is_nudged=st.booleans())
def test_no_fetch_follows_within_the_pace_of_one_that_found_something(
    now: float, hurries: bool, is_nudged: bool
) -> None:
    timing = FetchTiming()
    timing.fetched(now, found=True, watch_s=WATCH_S, poll_s=POLL_S)
    if hurries:
        timing.wake(now)
    assert timing.due_at(is_nudged) >= now + LEAST_GAP_S


@given(now=TIMES_S)
def test_a_message_that_came_too_soon_after_a_nudge_for_one_of_its_own_is_looked_for(now: float) -> None:
    timing = FetchTiming()
    timing.fetched(now, found=True, watch_s=WATCH_S, poll_s=POLL_S)
    looked_at = now
    while looked_at < now + GAP_S:
        due_at = timing.due_at(is_nudged=False)
        assert due_at - looked_at < 2 * LEAST_GAP_S
        looked_at = due_at
        timing.fetched(looked_at, found=False, watch_s=WATCH_S, poll_s=POLL_S)


@given(now=TIMES_S)
def test_a_relay_that_finds_nothing_comes_to_rest(now: float) -> None:
    timing = FetchTiming()
    timing.fetched(now, found=True, watch_s=WATCH_S, poll_s=POLL_S)
    timing.fetched(now + WATCH_S + LEAST_GAP_S, found=False, watch_s=WATCH_S, poll_s=POLL_S)
    assert timing.due_at(is_nudged=False) >= now + WATCH_S + POLL_S


@given(now=TIMES_S)
def test_what_has_settled_is_deleted_without_waiting_for_the_poll(now: float) -> None:
    timing = FetchTiming()
    timing.fetched(now, found=True, watch_s=0.0, poll_s=POLL_S)
    timing.wake(now)
    assert timing.due_at(is_nudged=False) == now + LEAST_GAP_S
