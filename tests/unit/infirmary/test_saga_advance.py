"""The saga's state machine by itself: a script for each way an admission can go."""

from infirmary.saga.advance import Advance, Replied, Resumed, TimedOut
from infirmary.saga.definition import BUDGET_S, MAX_SILENT_ATTEMPTS, MAX_WAIT_S, Saga, Step
from tests.unit.infirmary.saga_script import Ask, Nothing, Run

DECIDED = Saga("decided", Nothing, Step("first", Ask, retriable=True), Step("second", Ask, retriable=True))


def test_a_saga_without_a_pivot_only_goes_forward_whatever_is_answered() -> None:
    run = Run(DECIDED)
    assert run.silent(MAX_SILENT_ATTEMPTS + 1) == "first"
    assert run.refused("not now") == "parked"
    assert run.progress() == ["refused", "waiting"]
    run.happen(Resumed())
    assert [run.done(), run.done()] == ["second", "completed"]


def test_every_step_done_completes_the_admission() -> None:
    run = Run()
    assert run.asked == ["bed"]
    assert [run.done() for _ in range(4)] == ["admission", "billing", "confirmation", "completed"]
    assert run.state.reason is None
    assert all(step.state == "done" and step.at is not None for step in run.state.steps)


def test_a_refusal_undoes_the_steps_before_it_from_the_last_to_the_first() -> None:
    run = Run()
    run.done(), run.done()
    assert run.refused("credit hold") == "admission.compensation"
    assert run.state.status == "compensating"
    assert [run.done(), run.done()] == ["bed.compensation", "failed"]
    assert run.state.reason == "credit hold"
    assert run.progress() == ["compensated", "compensated", "refused", "waiting"]


def test_a_refusal_of_the_first_step_fails_at_once() -> None:
    run = Run()
    assert run.refused("no free bed") == "failed"
    assert (run.asked, run.state.reason) == (["bed"], "no free bed")


def test_a_silent_step_is_asked_six_times_ever_more_patiently_and_then_undone_too() -> None:
    run = Run()
    assert run.silent(MAX_SILENT_ATTEMPTS - 1) == "bed"
    assert run.waits_s == [5.0, 10.0, 20.0, MAX_WAIT_S, MAX_WAIT_S, MAX_WAIT_S]
    assert run.silent(1) == "bed.compensation"
    assert run.done() == "failed"
    assert run.state.reason == "bed does not answer"


def test_a_pivot_in_doubt_is_undone_first_and_a_late_yes_of_it_does_not_stop_that() -> None:
    run = Run()
    run.done(), run.done()
    assert run.silent(MAX_SILENT_ATTEMPTS) == "billing.compensation"
    run.happen(Replied("billing", "done"))
    assert [run.done() for _ in range(3)] == ["admission.compensation", "bed.compensation", "failed"]


def test_a_reply_to_any_attempt_of_the_step_in_hand_counts() -> None:
    run = Run()
    assert run.silent(3) == "bed"
    assert run.done() == "admission"


def test_after_the_pivot_silence_is_borne_for_a_day_then_the_saga_is_parked_and_may_be_resumed() -> None:
    run = Run()
    run.done(), run.done(), run.done()
    assert run.silent(100) == "confirmation"
    run.happen(TimedOut(), later_s=BUDGET_S)
    assert (run.state.status, run.state.reason) == ("parked", "confirmation has had no success for a day")
    assert run.answer(Resumed()) == "confirmation"
    assert (run.state.status, run.state.reason, run.state.attempt) == ("running", None, 1)
    assert run.done() == "completed"


def test_a_refused_confirmation_parks_the_saga_with_the_reason() -> None:
    run = Run()
    run.done(), run.done(), run.done()
    assert run.refused("no address") == "parked"
    assert run.state.reason == "no address"
    before = run.state
    assert run.happen(Replied("confirmation", "refused", "no address")) == Advance(before)
    assert run.happen(TimedOut()) == Advance(before)


def test_a_refused_compensation_is_tried_again_and_the_reason_of_the_failure_survives_the_parking() -> None:
    run = Run()
    run.done(), run.done(), run.refused("credit hold")
    assert run.refused("not now") == "compensating"
    assert run.silent(20) == "admission.compensation"
    run.happen(TimedOut(), later_s=BUDGET_S)
    assert (run.state.status, run.state.reason) == ("parked", "admission.compensation has had no success for a day")
    assert [run.answer(Resumed()), run.done(), run.done()] == ["admission.compensation", "bed.compensation", "failed"]
    assert run.state.reason == "credit hold"


def test_a_parked_saga_goes_on_by_itself_when_the_answer_comes_after_all() -> None:
    run = Run()
    run.done(), run.refused("already admitted")
    run.happen(TimedOut(), later_s=BUDGET_S)
    assert run.state.status == "parked"
    assert run.done() == "failed"
    assert run.state.reason == "already admitted"
