"""An admission among participants over a network that loses, repeats and reorders: done by all of them, or by none."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from infirmary.handlers import Outcome, Refused
from infirmary.messages import Command
from infirmary.saga.advance import Happened, Replied, TimedOut
from infirmary.saga.definition import MAX_SILENT_ATTEMPTS
from infirmary.saga.participant import StoredOutcome, decide
from tests.unit.infirmary.saga_script import ADMISSION, Run

NO_TRANSACTION: Any = None
COMPENSATABLE = [step.name for step in ADMISSION.steps if step.compensation is not None]
ALL = {step.name for step in ADMISSION.steps}


@dataclass(frozen=True)
class OnItsWay:
    """A command, or the reply to one."""

    command: Command
    reply: Replied | None = None


class World:
    """The orchestrator, its participants, and what is between them.

    Attributes:
        holds: The steps that are in effect at their participants.
        times_done: How often each was done.
    """

    def __init__(self, unwilling: set[str]) -> None:
        self.unwilling = unwilling
        self.holds: set[str] = set()
        self.times_done: dict[str, int] = dict.fromkeys(ALL, 0)
        self.outcomes: dict[str, StoredOutcome] = {}
        self.between: list[OnItsWay] = []
        self.run = Run()
        self._ask("bed", 1)

    def silence(self) -> None:
        self._tell(TimedOut())

    def deliver(self, message: OnItsWay) -> None:
        if message.reply is not None:
            self._tell(message.reply)
            return
        command = message.command
        if command.step not in self.outcomes:
            self.outcomes[command.step] = decide(NO_TRANSACTION, command, self._handle, self.outcomes)
        answered = self.outcomes[command.step]
        outcome: Literal["done", "refused"] = "done" if answered.outcome == "done" else "refused"
        self.between.append(OnItsWay(command, Replied(command.step, outcome, answered.reason)))

    def _tell(self, happened: Happened) -> None:
        after = self.run.happen(happened)
        if after.ask is not None:
            self._ask(self.run.current(), after.ask.attempt)

    def _ask(self, step: str, attempt: int) -> None:
        self.between.append(OnItsWay(Command(saga_id=UUID(int=1), step=step, attempt=attempt, reply_to="admission")))

    def _handle(self, command: Command, _tx: object) -> Outcome:
        if command.is_compensation():
            self.holds.remove(command.action_step())
            return None
        if command.step in self.unwilling:
            return Refused(f"{command.step} cannot be had")
        self.holds.add(command.step)
        self.times_done[command.step] += 1
        return None


fates = st.lists(
    st.tuples(st.sampled_from(["deliver", "repeat", "lose", "silence", "long silence"]), st.integers(0, 20)),
    max_size=60,
)


@given(st.sets(st.sampled_from(COMPENSATABLE), max_size=1), fates)
def test_an_admission_is_done_by_all_or_by_none_whatever_the_network_does(
    unwilling: set[str], fates: list[tuple[str, int]]
) -> None:
    world = World(unwilling)
    for fate, which in fates:
        if fate in ("silence", "long silence"):
            for _ in range(1 if fate == "silence" else MAX_SILENT_ATTEMPTS):
                world.silence()
        elif world.between:
            message = world.between[which % len(world.between)]
            if fate != "repeat":
                world.between.remove(message)
            if fate != "lose":
                world.deliver(message)
    _let_it_come_to_an_end(world)

    if world.run.state.status == "completed":
        assert world.holds == ALL
    else:
        assert world.run.state.status == "failed"
        assert world.holds == set()
        assert world.run.state.reason
    assert max(world.times_done.values()) <= 1


@given(st.sampled_from(COMPENSATABLE))
def test_over_a_good_network_only_a_refusal_stops_an_admission(unwilling: str) -> None:
    willing, refusing = World(set()), World({unwilling})
    for world in (willing, refusing):
        _let_it_come_to_an_end(world)
    assert willing.run.state.status == "completed"
    assert (refusing.run.state.status, refusing.run.state.reason) == ("failed", f"{unwilling} cannot be had")


def _let_it_come_to_an_end(world: World) -> None:
    """Delivers whatever is still on its way, the latest of it first, and then waits until the saga has ended."""
    while world.between or world.run.state.status in ("running", "compensating"):
        if world.between:
            world.deliver(world.between.pop())
        else:
            world.silence()
