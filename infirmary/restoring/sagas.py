"""Brings a saga to where it was, from the commands that it has sent and the event that told its end. Pure.

A saga goes on by sending the next command, so the commands tell how far it was. They come from several logs, those of
one step in their order and the others in any: each tells of a step that was asked for, or was being undone, and the
state follows from all that are known. Nothing is sent, and no other turn is taken than the first time.
"""

from dataclasses import dataclass
from datetime import datetime

from infirmary.saga.state import SagaState, StepProgress, StepState


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that the saga has sent.

    Attributes:
        step: The step's name.
        undo: Whether it was to be undone.
        attempt: Which time that was asked for.
        at: When.
    """

    step: str
    undo: bool
    attempt: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """The event that told the saga's end.

    Attributes:
        reason: Why it has failed; None when it is completed.
        at: When.
    """

    reason: str | None
    at: datetime


def after_asking(state: SagaState, asked: Asked) -> SagaState:
    """Returns the state of a saga once it is known to have sent a command.

    Raises:
        ValueError: The saga has no such step.
    """
    if state.status == "completed":
        return state
    place = [step.name for step in state.steps].index(asked.step)
    reached, undone = _known(state)
    reached |= {place}
    undone |= {place} if asked.undo else set()
    steps = _steps(state, reached, undone, asked.at, has_failed=state.status == "failed")
    marked = state.model_copy(update={"steps": steps})
    return _where_it_is(marked, min(undone, default=max(reached)), asked, is_undoing=bool(undone))


def after_ending(state: SagaState, ended: Ended) -> SagaState:
    """Returns the state of a saga that is known to have ended; a failed one's commands may still be told of."""
    if ended.reason is None:
        done = tuple(_mark(step, "done", ended.at) for step in state.steps)
        return state.model_copy(update={"status": "completed", "reason": None, "steps": done})
    reached, undone = _known(state)
    steps = _steps(state, reached, undone, ended.at, has_failed=True)
    failed = {"status": "failed", "reason": ended.reason, "failure": ended.reason, "steps": steps}
    return state.model_copy(update=failed)


def _known(state: SagaState) -> tuple[set[int], set[int]]:
    """Returns the places of the steps that were asked for, and of those that were, or are, being undone."""
    places = list(enumerate(step.state for step in state.steps))
    reached = {place for place, progress in places if progress != "waiting"}
    return reached, {place for place, progress in places if progress in ("compensating", "compensated")}


def _steps(
    state: SagaState, reached: set[int], undone: set[int], at: datetime, *, has_failed: bool
) -> tuple[StepState, ...]:
    """Returns the steps as they are by the commands that are known.

    The last one that was asked for decided the saga's turn: where others are undone and it is not, it was refused, or
    was silent and has nothing that undoes it.
    """
    last, lowest = max(reached, default=-1), min(undone, default=-1)
    turned = bool(undone) or has_failed

    def progress(place: int) -> StepProgress:
        if place in undone:
            return "compensating" if place == lowest and not has_failed else "compensated"
        if place > last:
            return "waiting"
        if place < last:
            return "done"
        return "refused" if turned else "running"

    return tuple(_mark(step, progress(place), at) for place, step in enumerate(state.steps))


def _mark(step: StepState, progress: StepProgress, at: datetime) -> StepState:
    return step if step.state == progress else step.model_copy(update={"state": progress, "at": at})


def _where_it_is(state: SagaState, place: int, asked: Asked, *, is_undoing: bool) -> SagaState:
    """Returns the state with the step that the saga was at, and how often it had asked for that."""
    name = state.steps[place].name
    was_there = (state.current_step, state.undoing) == (name, is_undoing)
    changes: dict[str, object] = {"current_step": name, "undoing": is_undoing}
    if (asked.step, asked.undo) == (name, is_undoing):
        changes["attempt"] = asked.attempt
        if asked.attempt == 1 or not was_there:  # an operator lets a parked saga begin its step anew
            changes["current_since"] = asked.at
    if state.status != "failed":
        failure = _failure(state) if is_undoing else None
        changes |= {"status": "compensating" if is_undoing else "running", "failure": failure, "reason": failure}
    return state.model_copy(update=changes)


def _failure(state: SagaState) -> str:
    """Returns why a saga is being undone: what it knew itself, or else what its commands tell."""
    guesses = {step.name: (f"{step.name} was refused", f"{step.name} does not answer") for step in state.steps}
    if state.failure is not None and all(state.failure not in each for each in guesses.values()):
        return state.failure
    last = [step for step in state.steps if step.state != "waiting"][-1]
    refused, silent = guesses[last.name]
    return refused if last.state == "refused" else silent
