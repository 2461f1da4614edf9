"""Only a reader whose log has more, and whose offset stands still, does not get on."""

from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.progress import Progress, StallLimits

offsets = st.none() | st.integers(0, 10**9)
moments = st.floats(0, 1e6)


@given(offset=offsets, more=st.integers(1, 10**6), pauses=st.lists(st.floats(0.1, 30), min_size=1, max_size=20))
def test_it_stands_since_it_was_first_seen_with_more_to_read(
    offset: int | None, more: int, pauses: list[float]
) -> None:
    progress, now = Progress(), 100.0
    for pause in pauses:
        progress.seen(offset, (-1 if offset is None else offset) + more, held=False, now=now)
        now += pause
    assert progress.standing_s(now) == now - 100.0


@given(offset=offsets, end=offsets, now=moments)
def test_a_log_that_is_idle_or_of_which_something_is_held_is_no_standstill(
    offset: int | None, end: int | None, now: float
) -> None:
    progress = Progress()
    progress.seen(offset, end, held=True, now=now)
    assert progress.standing_s(now + 1000) == 0
    idle = Progress()
    idle.seen(offset, offset, held=False, now=now)
    assert idle.standing_s(now + 1000) == 0


@given(offset=st.integers(0, 10**9), steps=st.lists(st.integers(1, 100), min_size=1, max_size=20))
def test_a_reader_that_is_slow_but_moves_gets_on(offset: int, steps: list[int]) -> None:
    progress, now = Progress(), 0.0
    for step in steps:
        progress.seen(offset, 10**12, held=False, now=now)
        assert progress.standing_s(now) == 0
        offset, now = offset + step, now + 59


@given(offset=offsets, way=st.sampled_from(["reached", "held", "left"]))
def test_whatever_ends_a_standstill_ends_it_at_once(offset: int | None, way: str) -> None:
    progress, end = Progress(), 10**9 + 1
    progress.seen(offset, end, held=False, now=0.0)
    assert progress.standing_s(100.0) == 100.0
    if way == "left":
        progress.forget()
    else:
        progress.seen(end if way == "reached" else offset, end, held=way == "held", now=100.0)
    assert progress.standing_s(200.0) == 0


@given(
    standing=st.dictionaries(st.sampled_from("abc"), st.floats(0.001, 1000)),
    told_s=st.floats(1, 100),
    more_s=st.none() | st.floats(0, 400),
)
def test_it_is_told_first_and_a_restart_comes_later_or_never(
    standing: dict[str, float], told_s: float, more_s: float | None
) -> None:
    limits = StallLimits(told_s, 0 if more_s is None else told_s + more_s)
    stalled = limits.stalled(standing)
    assert stalled == {log: seconds for log, seconds in standing.items() if seconds >= told_s}
    wanted = more_s is not None and any(seconds >= told_s + more_s for seconds in standing.values())
    assert limits.wants_restart(stalled) == wanted
