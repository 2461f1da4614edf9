"""A relay is stalled when it could deliver and nothing is confirmed; what a restart would not help is not."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary_relay.progress import Progress

STALLED_S, RESTART_S = 60.0, 300.0
TURN_S = 0.25


def progress(restart_s: float = RESTART_S) -> Progress:
    return Progress(STALLED_S, restart_s)


def turn(told: Progress, begins: float, seconds: float, *, could: bool = True) -> float:
    """Turns for a time; returns when the last turn was."""
    now = begins
    while now < begins + seconds:
        now += TURN_S
        told.iterated(now, could_deliver=could)
    return now


def waiting(at: float = 0.0, restart_s: float = RESTART_S) -> Progress:
    """A relay that has just been seen to have something to deliver."""
    told = progress(restart_s)
    told.iterated(at, could_deliver=True)
    told.measured(deliverable=True, at=at)
    return told


def said(told: Progress) -> tuple[float | None, bool]:
    return told.stalled_since, told.wants_restart


@given(st.lists(st.floats(0.01, 59.0), max_size=30))
def test_what_confirms_within_the_time_is_never_stalled(pauses: list[float]) -> None:
    told, now = waiting(), 0.0
    for pause in pauses:
        now = turn(told, now, pause)
        assert told.stalled_since is None
        told.confirmed()
        told.measured(deliverable=True, at=now)


@given(st.floats(0, 1000))
def test_without_a_confirm_it_is_stalled_since_messages_waited_and_is_restarted_later(began: float) -> None:
    told = waiting(began)
    now = turn(told, began, STALLED_S - 1)
    told.measured(deliverable=True, at=now)
    assert told.stalled_since is None
    now = turn(told, now, 2)
    assert said(told) == (began, False)
    turn(told, now, RESTART_S - STALLED_S)
    assert said(told) == (began, True)
    told.confirmed()
    assert said(told) == (None, False)


@given(st.floats(0, 10_000))
def test_what_has_nothing_to_deliver_is_never_stalled(seconds: float) -> None:
    told = progress()
    now = turn(told, 0, seconds / 2)
    told.measured(deliverable=False, at=now)
    turn(told, now, seconds / 2)
    assert told.stalled_since is None


@given(st.floats(0, 10_000), st.floats(0, 400))
def test_a_server_that_is_away_is_not_stalled_whatever_was_before(away_s: float, before_s: float) -> None:
    told = waiting()
    now = turn(told, 0, before_s)
    was_stalled = told.stalled_since is not None
    turn(told, now, away_s + 11, could=False)
    assert was_stalled == (before_s > STALLED_S - TURN_S)
    assert told.stalled_since is None
    assert not told.wants_restart


@given(st.floats(0.5, 9.0))
def test_connections_that_come_and_go_without_a_confirm_are_stalled(away_s: float) -> None:
    told, now = waiting(), 0.0
    for _ in range(3):
        now = turn(told, turn(told, now, 30), away_s, could=False)
    assert told.stalled_since == 0.0


@given(st.floats(60, 100_000))
def test_a_process_that_was_stopped_could_not_deliver(stopped_s: float) -> None:
    told = waiting()
    told.iterated(TURN_S, could_deliver=True)
    told.iterated(TURN_S + stopped_s, could_deliver=True)
    assert told.stalled_since is None


@given(st.integers(1, 2_000))
def test_it_is_never_restarted_when_that_is_not_wanted(count: int) -> None:
    told = waiting(restart_s=0)
    turn(told, 0, count)
    assert not told.wants_restart
    assert (told.stalled_since is None) == (count < STALLED_S)


def test_what_is_held_back_meanwhile_is_no_longer_waited_for() -> None:
    told = waiting()
    now = turn(told, 0, STALLED_S + 1)
    told.measured(deliverable=False, at=now)
    assert told.stalled_since is None
    turn(told, now, 2 * RESTART_S)
    assert told.stalled_since is None
