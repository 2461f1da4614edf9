"""How a saga is declared: a list of steps, read aloud from the top. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from services.chassis.messages import COMPENSATION_SUFFIX, Command

D = TypeVar("D", bound=BaseModel)

STEP_TIMEOUT_S = 5.0
"""How long the first attempt of a step waits for its reply, unless a setting says otherwise."""

MAX_SILENT_ATTEMPTS = 6
"""The first attempt and five retries; after that a step that may still be undone is."""

BUDGET_S = 24 * 3600.0
"""How long a step that can only succeed is tried before the saga waits for an operator."""

MAX_WAIT_S = 30.0
"""The longest pause between two attempts."""


def _nothing(*_: object) -> None:
    """What a saga does at its end when its service has nothing to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """One participant's part.

    Attributes:
        name: The step's name within the saga.
        command: What is asked; its fields are taken from the saga's data by name.
        compensation: What undoes it; None when there is nothing to undo. A pivot's is sent only when it is in doubt.
        pivot: Once this step is done the saga only goes forward.
        retriable: The step comes after the pivot and is tried until it succeeds.
    """

    name: str
    command: type[Command]
    compensation: type[Command] | None = None
    pivot: bool = False
    retriable: bool = False

    def asked_as(self, undo: bool) -> str:
        """Returns the step's name as commands and replies carry it."""
        return f"{self.name}{COMPENSATION_SUFFIX}" if undo else self.name


class Saga(Generic[D]):
    """A saga's steps and what its own service does when it has ended."""

    def __init__(self, name: str, data: type[D], *steps: Step) -> None:
        """Declares a saga.

        Args:
            name: The saga's name within its service.
            data: What the saga knows from its start; commands take their fields from it.
            steps: Compensatable steps, then the pivot, then retriable ones.

        Raises:
            ValueError: The steps are not in that order, two share a name, or the pivot could not be undone when it does
                not answer.
        """
        rank = [2 if step.retriable else 1 if step.pivot else 0 for step in steps]
        if rank != sorted(rank) or rank.count(1) != 1:
            raise ValueError(
                f"saga {name}: steps that can be compensated come first, then one pivot, then retriable ones"
            )
        if len({step.name for step in steps}) < len(steps):
            raise ValueError(
                f"saga {name}: replies are told apart by the step's name, so each step needs one of its own"
            )
        if any(step.pivot and step.compensation is None for step in steps):
            raise ValueError(f"saga {name}: the pivot needs a compensation for the case that it does not answer")
        self.name = name
        self.data = data
        self.steps = steps
        self.completed: Callable[[D, Any], None] = _nothing
        self.failed: Callable[[D, str, Any], None] = _nothing

    def when_completed(self, function: Callable[[D, Any], None]) -> Callable[[D, Any], None]:
        """Registers what is done, in the same transaction, when every step has succeeded."""
        self.completed = function
        return function

    def when_failed(self, function: Callable[[D, str, Any], None]) -> Callable[[D, str, Any], None]:
        """Registers what is done, in the same transaction, when everything has been undone; takes the reason too."""
        self.failed = function
        return function
