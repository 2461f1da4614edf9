"""A log with messages for another release is left to other processes, and not for nothing over and over."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.handing_over import AWAY_S, FIRST_AGAIN_S, LAST_AGAIN_S, HandingOver


def times_left(handing_over: HandingOver, seconds: int, offsets: int = 0) -> list[int]:
    """Returns when a log is left that this process takes again whenever it may, a turn each second."""
    began, owned = [], True
    for now in range(seconds):
        is_left = handing_over.is_left(owned, holds_some=True, last_offset=now * offsets, now=float(now))
        if is_left and owned:
            began.append(now)
        owned = not is_left
    return began


def test_it_is_left_at_once_and_for_a_while() -> None:
    handing_over = HandingOver()
    assert handing_over.is_left(True, True, 5, 100.0)
    assert handing_over.is_left(False, False, 5, 100.0 + AWAY_S - 0.1)
    assert not handing_over.is_left(False, False, 5, 100.0 + AWAY_S)


def test_it_is_left_more_and_more_rarely_while_nobody_takes_it() -> None:
    pauses = [after - before for before, after in pairwise(times_left(HandingOver(), 3600))]
    assert pauses == sorted(pauses)
    assert pauses[0] == AWAY_S + FIRST_AGAIN_S
    assert pauses[-1] == AWAY_S + LAST_AGAIN_S


def test_it_is_left_as_often_as_at_first_while_others_read_on() -> None:
    times = times_left(HandingOver(), 600, offsets=1)
    assert {after - before for before, after in pairwise(times)} == {AWAY_S + FIRST_AGAIN_S}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.floats(0.1, 5)), max_size=50))
def test_a_log_without_messages_for_another_is_never_left(turns: list[tuple[bool, int, float]]) -> None:
    handing_over, now = HandingOver(), 0.0
    for owned, offset, later_s in turns:
        now += later_s
        assert not handing_over.is_left(owned, False, offset, now)
