"""The saga's state machine: what happened in, the new state and what to send out. Pure; docs/sagas.md draws it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from infirmary.saga.definition import BUDGET_S, MAX_SILENT_ATTEMPTS, MAX_WAIT_S, STEP_TIMEOUT_S, Saga

Status = Literal["running", "compensating", "completed", "failed", "parked"]
StepProgress = Literal["waiting", "running", "done", "refused", "in doubt", "compensating", "compensated"]


class StepState(BaseModel):
    """How far a step is, and since when."""

    model_config = ConfigDict(frozen=True)
    name: str
    state: StepProgress = "waiting"
    at: datetime | None = None


class SagaState(BaseModel):
    """How far a saga is.

    Attributes:
        status: What an outsider sees.
        reason: Why it is being undone, has failed or is parked; None when all is well.
        failure: Why it is being undone; `reason` goes back to it when a parked saga goes on.
        undoing: The direction; also tells where a parked saga goes on.
        current_step: The index of the step that is asked for now; databases have it as `hand`.
        attempt: How often the current step was asked for.
        current_since: When it was asked for first; databases have it as `hand_since`.
        caused_by: The id of the message or request that has led to this; what a timer causes later goes back to it.
        tracestate: What others had added to the trace that it began in; what a timer causes carries it on.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)
    status: Status = "running"
    reason: str | None = None
    failure: str | None = None
    steps: tuple[StepState, ...]
    undoing: bool = False
    current_step: int = Field(default=0, alias="hand")
    attempt: int = 0
    current_since: datetime | None = Field(default=None, alias="hand_since")
    caused_by: str | None = None
    tracestate: str = ""

    def stored(self) -> dict[str, Any]:
        """Returns it as JSON, as `model_validate` reads it back from a database."""
        return self.model_dump(mode="json", by_alias=True)


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
    """A command to be sent: the step at `index`, or its compensation, for the `attempt`-th time."""

    index: int
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
    return SagaState(steps=tuple(StepState(name=step.name) for step in saga.steps))


def advance(
    saga: Saga[Any], state: SagaState, happened: Happened, now: datetime, step_timeout_s: float = STEP_TIMEOUT_S
) -> Advance:
    """Takes a saga one step further.

    Args:
        saga: The declaration.
        state: How far it is.
        happened: What is new. What does not concern the current step changes nothing.
        now: The database's clock.
        step_timeout_s: How long the first attempt waits; each further one waits twice as long, up to 30 s.
    """
    machine = _Machine(saga, now, step_timeout_s)
    if state.status in ("completed", "failed"):
        return Advance(state)
    match happened:
        case Started():
            return machine.forward(state, 0)
        case Replied(step=step) if step != saga.steps[state.current_step].asked_as(state.undoing):
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
        step = self.saga.steps[state.current_step]
        if outcome == "done":
            return self.forward(self.mark(state, state.current_step, "done"), state.current_step + 1)
        if state.status == "parked":  # the same refusal once more
            return Advance(state)
        why = reason or f"{step.name} was refused"
        refused = self.mark(state, state.current_step, "refused")
        return self.park(refused, why) if step.retriable else self.backward(refused, state.current_step - 1, why)

    def undo_replied(self, state: SagaState, outcome: str) -> Advance:
        if outcome == "refused":  # as if nobody had answered: the timer tries again until the budget is spent
            return Advance(state)
        return self.backward(self.mark(state, state.current_step, "compensated"), state.current_step - 1, state.failure)

    def timed_out(self, state: SagaState) -> Advance:
        step = self.saga.steps[state.current_step]
        if state.undoing or step.retriable:
            if state.current_since is not None and (self.now - state.current_since).total_seconds() >= BUDGET_S:
                return self.park(state, f"{step.asked_as(state.undoing)} has had no success for a day")
            return self.ask(state)
        if state.attempt < MAX_SILENT_ATTEMPTS:
            return self.ask(state)
        return self.backward(
            self.mark(state, state.current_step, "in doubt"), state.current_step, f"{step.name} does not answer"
        )

    def forward(self, state: SagaState, index: int) -> Advance:
        if index == len(self.saga.steps):
            return Advance(state.model_copy(update={"status": "completed", "reason": None}))
        return self.ask(self.begin_step(state, index, undoing=False))

    def backward(self, state: SagaState, index: int, why: str | None) -> Advance:
        """Undoes the highest step at or below `index` that may have happened, or ends."""
        failing = state.model_copy(update={"failure": why, "reason": why})
        for at in range(index, -1, -1):
            if self.saga.steps[at].compensation is not None and state.steps[at].state in ("done", "in doubt"):
                return self.ask(self.begin_step(failing, at, undoing=True))
        return Advance(failing.model_copy(update={"status": "failed"}))

    def park(self, state: SagaState, why: str) -> Advance:
        return Advance(state.model_copy(update={"status": "parked", "reason": why}))

    def begin_step(self, state: SagaState, index: int, undoing: bool) -> SagaState:
        status: Status = "compensating" if undoing else "running"
        marked = self.mark(state, index, "compensating" if undoing else "running")
        current = {"undoing": undoing, "current_step": index, "attempt": 0, "current_since": self.now}
        return marked.model_copy(update={"status": status, "reason": state.failure, **current})

    def ask(self, state: SagaState) -> Advance:
        asked = state.model_copy(update={"attempt": state.attempt + 1})
        return Advance(asked, Ask(asked.current_step, asked.undoing, asked.attempt), self.retry_after_s(asked))

    def retry_after_s(self, state: SagaState) -> float:
        doubled: float = self.step_timeout_s * 2 ** min(state.attempt - 1, 16)
        return min(doubled, max(MAX_WAIT_S, self.step_timeout_s))

    def mark(self, state: SagaState, index: int, progress: StepProgress) -> SagaState:
        marked = state.steps[index].model_copy(update={"state": progress, "at": self.now})
        return state.model_copy(update={"steps": (*state.steps[:index], marked, *state.steps[index + 1 :])})
