"""What cannot be read is looked at ever more rarely, but always within half a minute, and is told when it changes."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infirmary.consumer.unreadable import (
    KINDS,
    LOOK_AGAIN_S,
    MISSING_IS_A_PROBLEM_AFTER_S,
    Unreadable,
    Unreadables,
)


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=50))
def test_the_next_look_is_never_far_and_there_are_few_in_an_hour(kinds: list[str]) -> None:
    clock, looks = Clock(), 0
    unreadables = Unreadables(clock)
    while clock.now < 3600:
        if unreadables.may_look("ward.events"):
            unreadables.failed("ward.events", Unreadable(kinds[looks % len(kinds)], "odd"))  # type: ignore[arg-type]
            looks, looked_at = looks + 1, clock.now
        assert clock.now - looked_at <= LOOK_AGAIN_S
        clock.now += 0.5
    assert looks < 3600 / LOOK_AGAIN_S + 8


def test_one_that_can_be_read_again_is_looked_at_at_once_when_it_fails_anew() -> None:
    clock = Clock()
    unreadables = Unreadables(clock)
    for _ in range(9):
        unreadables.failed("ward.events", Unreadable("refused", "no"))
    unreadables.reads("ward.events")
    assert (unreadables.may_look("ward.events"), unreadables.problem()) == (True, None)
    unreadables.failed("ward.events", Unreadable("refused", "no"))
    clock.now = 1.0
    assert unreadables.may_look("ward.events")


def test_a_missing_log_is_trouble_when_its_publisher_had_time_to_start() -> None:
    clock = Clock()
    unreadables = Unreadables(clock)
    unreadables.failed("ward.events", Unreadable("missing", "no queue"))
    assert unreadables.problem() is None
    clock.now = MISSING_IS_A_PROBLEM_AFTER_S
    assert unreadables.problem() == "ward.events cannot be read (missing, for 60 s): no queue"
    unreadables.forget("ward.events")
    assert unreadables.problem() is None


def test_it_is_logged_when_it_changes_and_not_at_each_look(caplog: pytest.LogCaptureFixture) -> None:
    unreadables = Unreadables(Clock())
    with caplog.at_level(logging.INFO):
        for kind in ("missing", "missing", "wrong_kind", "wrong_kind"):
            unreadables.failed("ward.events", Unreadable(kind, "odd"))
        unreadables.reads("ward.events")
        unreadables.reads("ward.events")
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]
