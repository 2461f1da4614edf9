"""An admission's saga driven by hand, for the tests of the state machine."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from infirmary.messages import Command, sends
from infirmary.saga.advance import Advance, Happened, Replied, Started, TimedOut, advance, initial
from infirmary.saga.definition import Saga, Step

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Nothing(BaseModel):
    admission_id: UUID


@sends("ward")
class Ask(Command):
    """Whatever a step asks for."""


ADMISSION = Saga(
    "admission",
    Nothing,
    Step("bed", Ask, compensation=Ask),
    Step("admission", Ask, compensation=Ask),
    Step("billing", Ask, compensation=Ask, pivot=True),
    Step("confirmation", Ask, retriable=True),
)


class Run:
    """A saga that is told what happens, and writes down what it asks (`bed.compensation`) and how long it waits."""

    def __init__(self, saga: Saga[Any] = ADMISSION) -> None:
        self.saga, self.now = saga, NOON
        self.state = initial(saga)
        self.asked: list[str] = []
        self.waits_s: list[float | None] = []
        self.happen(Started())

    def happen(self, happened: Happened, later_s: float = 1.0) -> Advance:
        """Lets something happen, a second later unless said otherwise."""
        self.now += timedelta(seconds=later_s)
        after = advance(self.saga, self.state, happened, self.now)
        if after.ask is not None:
            self.asked.append(after.ask.step.asked_as(after.ask.undo))
            self.waits_s.append(after.wait_s)
        self.state = after.state
        return after

    def done(self) -> str:
        """The step in hand succeeds. Returns what is asked next, or the status when nothing is."""
        return self.answer(Replied(self.current(), "done"))

    def refused(self, reason: str) -> str:
        return self.answer(Replied(self.current(), "refused", reason))

    def answer(self, happened: Happened) -> str:
        return self.asked[-1] if self.happen(happened).ask else self.state.status

    def silent(self, times: int) -> str:
        """Nobody answers. Returns what was asked last, or the status."""
        return [self.answer(TimedOut()) for _ in range(times)][-1]

    def current(self) -> str:
        return self.state.asked_for()

    def progress(self) -> list[str]:
        return [step.state for step in self.state.steps]
