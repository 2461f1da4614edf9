"""What holds of the saga's state machine whatever happens, and in whatever order."""

from collections.abc import Iterator
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from infirmary.saga.advance import Advance, Happened, Replied, Resumed, TimedOut
from infirmary.saga.definition import BUDGET_S, MAX_SILENT_ATTEMPTS
from infirmary.saga.state import SagaState
from tests.unit.infirmary.saga_script import ADMISSION, Run

PIVOT = 2
FINAL = ("completed", "failed")
NAMES = [step.asked_as(undo) for step in ADMISSION.steps for undo in (False, True)]

Move = Happened | Literal["done", "refused"]
"""Something that happens; `done` and `refused` are replies to the current step, whichever that is then."""

strays = st.builds(
    Replied, st.sampled_from(NAMES), st.sampled_from(["done", "refused"]), st.sampled_from([None, "why"])
)
silence: list[Move] = [TimedOut()]
likely: list[list[Move]] = [
    ["done"],
    ["done"],
    ["done"],
    ["refused"],
    silence,
    silence * MAX_SILENT_ATTEMPTS,
    [Resumed()],
]
moves = st.sampled_from(likely) | strays.map(lambda stray: [stray])
histories = st.lists(st.tuples(moves, st.sampled_from([0.0, 5.0, BUDGET_S])), max_size=20)
History = list[tuple[list[Move], float]]


def replay(run: Run, history: History) -> Iterator[tuple[SagaState, Happened, Advance]]:
    """Lets everything happen; yields the state before, what happened, and what followed."""
    for several, later_s in history:
        for move in several:
            before = run.state
            happened = Replied(run.current(), move, "why") if isinstance(move, str) else move
            yield before, happened, run.happen(happened, later_s)


@given(histories)
def test_every_history_ends_in_completed_failed_or_parked(history: History) -> None:
    run = Run()
    for _ in replay(run, history):
        pass
    for _ in range(MAX_SILENT_ATTEMPTS + 1):
        run.happen(TimedOut(), later_s=BUDGET_S)
    assert run.state.status in (*FINAL, "parked")
    assert (run.state.reason is None) == (run.state.status == "completed")


@given(histories)
def test_a_reply_to_a_step_not_in_hand_and_the_same_reply_twice_change_nothing(history: History) -> None:
    run = Run()
    for before, happened, after in replay(run, history):
        if isinstance(happened, Replied):
            if happened.step != before.asked_for() or before.status in FINAL:
                assert after == Advance(before)
            assert run.happen(happened) == Advance(after.state)


@given(histories)
def test_a_saga_that_waits_for_an_answer_has_a_timer_and_no_other_has_one(history: History) -> None:
    run = Run()
    for before, _, after in replay(run, history):
        assert (after.ask is not None) == (after.wait_s is not None)
        if after.state is not before:
            assert (after.ask is not None) == (after.state.status in ("running", "compensating"))


@given(histories)
def test_a_saga_is_parked_with_a_reason_and_goes_on_when_it_is_resumed_or_answered(history: History) -> None:
    run = Run()
    for before, happened, after in replay(run, history):
        assert after.state.reason or after.state.status != "parked"
        if isinstance(happened, TimedOut) and before.status == "parked":
            assert after == Advance(before)
        if isinstance(happened, Resumed):
            assert (after.ask is not None) == (before.status == "parked")


@given(histories)
def test_a_saga_that_has_ended_never_changes_again(history: History) -> None:
    run = Run()
    for before, _, after in replay(run, history):
        assert after == Advance(before) or before.status not in FINAL


@given(histories)
def test_what_was_done_or_is_in_doubt_is_undone_in_reverse_order_and_nothing_after_the_pivot(history: History) -> None:
    run = Run()
    to_undo: list[str] = []
    undone: list[str] = []
    for before, happened, after in replay(run, history):
        if before.status == "running" and after.state.status in ("compensating", "failed"):
            refused = isinstance(happened, Replied)
            place = [step.name for step in before.steps].index(before.current_step)
            to_undo = [f"{step.name}.compensation" for step in before.steps[: place + (not refused)][::-1]]
        if after.ask is not None and after.ask.undo and after.ask.attempt == 1 and not isinstance(happened, Resumed):
            undone.append(run.current())
        assert undone == to_undo[: len(undone)]
        assert not (after.state.undoing and before.steps[PIVOT].state == "done")
    if run.state.status == "failed":
        assert undone == to_undo
