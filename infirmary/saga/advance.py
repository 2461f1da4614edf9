"""The saga's state machine: what happened in, the new state and what to send out. Pure; docs/sagas.md draws it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from infirmary.saga.definition import BUDGET_S, MAX_SILENT_ATTEMPTS, MAX_WAIT_S, STEP_TIMEOUT_S, Saga, Step
from infirmary.saga.state import SagaState, Status, StepProgress, StepState


@dataclass(frozen=True, slots=True)
class Started:
    """The saga begins."""

    def __str__(self) -> str:
        return "started"


@dataclass(frozen=True, slots=True)
class Replied:
    """A participant has answered a command; `step` is the name that the command carried."""

    step: str
    outcome: Literal["done", "refused"]
    reason: str | None = None

    def __str__(self) -> str:
        return f"reply: {self.step} {self.outcome}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Nobody has answered."""

    def __str__(self) -> str:
        return "nobody has answered"


@dataclass(frozen=True, slots=True)
class Resumed:
    """An operator has let a parked saga go on."""

    def __str__(self) -> str:
        return "resumed by an operator"


Happened = Started | Replied | TimedOut | Resumed


@dataclass(frozen=True, slots=True)
class Ask:
    """A command to be sent: the step, or its compensation, for the `attempt`-th time."""

    step: Step
    undo: bool
    attempt: int


@dataclass(frozen=True, slots=True)
class Advance:
    """What follows from what happened.

    Attributes:
        state: The new state; the same object when nothing changed.
        ask: What to send, if anything.
        wait_s: When to look again if nobody answers, in seconds; None for never.
    """

    state: SagaState
    ask: Ask | None = None
    wait_s: float | None = None


def not_asked(after: Advance, why: str) -> Advance:
    """Returns what follows when what is to be sent cannot be: the saga waits for an operator, before the same step.

    It is neither a refusal nor a timeout, so nothing is undone for it.
    """
    return Advance(after.state.model_copy(update={"status": "parked", "reason": why}))


def initial(saga: Saga[Any]) -> SagaState:
    """Returns the state of a saga that has not started."""
    return SagaState(steps=tuple(StepState(name=step.name) for step in saga.steps), current_step=saga.steps[0].name)


def advance(
    saga: Saga[Any], state: SagaState, happened: Happened, now: datetime, step_timeout_s: float = STEP_TIMEOUT_S
) -> Advance:
    """Takes a saga one step further.

    Args:
        saga: The declaration, of the version that the saga goes by.
        state: How far it is.
        happened: What is new. What does not concern the current step changes nothing.
        now: The database's clock.
        step_timeout_s: How long the first attempt waits; each further one waits twice as long, up to 30 s.
    """
    machine = _Machine(saga, now, step_timeout_s)
    if state.has_ended():
        return Advance(state)
    match happened:
        case Started():
            return machine.forward(state, 0)
        case Replied(step=step) if step != state.asked_for():
            return Advance(state)
        case Replied(outcome=outcome, reason=reason):
            return (
                machine.undo_replied(state, outcome) if state.undoing else machine.step_replied(state, outcome, reason)
            )
        case TimedOut() if state.status != "parked":
            return machine.timed_out(state)
        case Resumed() if state.status == "parked":
            return machine.ask(machine.begin_step(state, state.current_step, state.undoing))
    return Advance(state)


@dataclass(frozen=True, slots=True)
class _Machine:
    saga: Saga[Any]
    now: datetime
    step_timeout_s: float

    def step_replied(self, state: SagaState, outcome: str, reason: str | None) -> Advance:
        step = self.saga.step(state.current_step)
        if outcome == "done":
            return self.forward(self.mark(state, step.name, "done"), self.place(state) + 1)
        if state.status == "parked":  # the same refusal once more
            return Advance(state)
        why = reason or f"{step.name} was refused"
        refused = self.mark(state, step.name, "refused")
        return self.park(refused, why) if step.retriable else self.backward(refused, self.place(state) - 1, why)

    def undo_replied(self, state: SagaState, outcome: str) -> Advance:
        if outcome == "refused":  # as if nobody had answered: the timer tries again until the budget is spent
            return Advance(state)
        undone = self.mark(state, state.current_step, "compensated")
        return self.backward(undone, self.place(state) - 1, state.failure)

    def timed_out(self, state: SagaState) -> Advance:
        step = self.saga.step(state.current_step)
        if state.undoing or step.retriable:
            if state.current_since is not None and (self.now - state.current_since).total_seconds() >= BUDGET_S:
                return self.park(state, f"{step.asked_as(state.undoing)} has had no success for a day")
            return self.ask(state)
        if state.attempt < MAX_SILENT_ATTEMPTS:
            return self.ask(state)
        return self.backward(self.mark(state, step.name, "in doubt"), self.place(state), f"{step.name} does not answer")

    def place(self, state: SagaState) -> int:
        """Returns the place of the current step in the declaration."""
        return self.saga.steps.index(self.saga.step(state.current_step))

    def forward(self, state: SagaState, place: int) -> Advance:
        if place == len(self.saga.steps):
            return Advance(state.model_copy(update={"status": "completed", "reason": None}))
        return self.ask(self.begin_step(state, self.saga.steps[place].name, undoing=False))

    def backward(self, state: SagaState, place: int, why: str | None) -> Advance:
        """Undoes the last step up to `place` that may have happened, or ends."""
        failing = state.model_copy(update={"failure": why, "reason": why})
        may_have_happened = {step.name for step in state.steps if step.state in ("done", "in doubt")}
        for step in reversed(self.saga.steps[: place + 1]):
            if step.compensation is not None and step.name in may_have_happened:
                return self.ask(self.begin_step(failing, step.name, undoing=True))
        return Advance(failing.model_copy(update={"status": "failed"}))

    def park(self, state: SagaState, why: str) -> Advance:
        return Advance(state.model_copy(update={"status": "parked", "reason": why}))

    def begin_step(self, state: SagaState, step: str, undoing: bool) -> SagaState:
        status: Status = "compensating" if undoing else "running"
        marked = self.mark(state, step, "compensating" if undoing else "running")
        current = {"undoing": undoing, "current_step": step, "attempt": 0, "current_since": self.now}
        return marked.model_copy(update={"status": status, "reason": state.failure, **current})

    def ask(self, state: SagaState) -> Advance:
        asked = state.model_copy(update={"attempt": state.attempt + 1})
        step = self.saga.step(asked.current_step)
        return Advance(asked, Ask(step, asked.undoing, asked.attempt), self.retry_after_s(asked))

    def retry_after_s(self, state: SagaState) -> float:
        doubled: float = self.step_timeout_s * 2 ** min(state.attempt - 1, 16)
        return min(doubled, max(MAX_WAIT_S, self.step_timeout_s))

    def mark(self, state: SagaState, name: str, progress: StepProgress) -> SagaState:
        steps = (
            step.model_copy(update={"state": progress, "at": self.now}) if step.name == name else step
            for step in state.steps
        )
        return state.model_copy(update={"steps": tuple(steps)})
