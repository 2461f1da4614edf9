"""Whoever looks often enough says in time that it lives, and gives up only whom it has not heard for long."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary_streams.heartbeats import Heartbeats

EVERY_S = 10
PAUSES = st.lists(st.floats(0.01, EVERY_S / 2), min_size=1, max_size=50)


@given(PAUSES)
def test_something_is_said_in_each_time_that_was_agreed(pauses: list[float]) -> None:
    now = said_at = 1000.0
    beats = Heartbeats(EVERY_S, now)
    for pause_s in pauses:
        now += pause_s
        if beats.is_due(now):
            beats.wrote(now)
            said_at = now
        assert now - said_at <= EVERY_S / 2


@given(st.lists(st.tuples(st.floats(0.01, 3 * EVERY_S), st.booleans()), min_size=1, max_size=50))
def test_silence_is_counted_from_the_last_word(looks: list[tuple[float, bool]]) -> None:
    now = heard_at = 1000.0
    beats = Heartbeats(EVERY_S, now)
    for pause_s, came in looks:
        now += pause_s
        if came:
            beats.heard(now)
            heard_at = now
        assert beats.has_missed(now) == (now - heard_at > 2 * EVERY_S)
