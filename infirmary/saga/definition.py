"""The declaration of a saga: a list of steps, read aloud from the top. Pure."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from infirmary.declaring.compatibility import Misfit, misfits
from infirmary.declaring.declaration import Misdeclared, named, service_of
from infirmary.declaring.schemas import needed_schema, written_schema
from infirmary.declaring.signature import check_signature
from infirmary.messages import COMPENSATION_SUFFIX, Command, contract_of

D = TypeVar("D", bound=BaseModel)

STEP_TIMEOUT_S = 5.0
"""How long the first attempt of a step waits for its reply, unless a setting says otherwise."""

MAX_SILENT_ATTEMPTS = 6
"""The first attempt and five retries; after that a step that may still be undone is."""

BUDGET_S = 24 * 3600.0
"""How long a step that can only succeed is tried before the saga waits for an operator."""

MAX_WAIT_S = 30.0
"""The longest pause between two attempts."""

FIRST_VERSION = 1
"""A declaration's version where none is said; sagas of releases that knew no versions go by it."""


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
        retriable: The step comes after the pivot and is tried until it succeeds. A saga of none but these has no pivot:
            the transaction that starts it is the point of no return.
    """

    name: str
    command: type[Command]
    compensation: type[Command] | None = None
    pivot: bool = False
    retriable: bool = False

    def commands(self) -> tuple[type[Command], ...]:
        """Returns what may be asked of the participant."""
        return (self.command,) if self.compensation is None else (self.command, self.compensation)

    def asked_as(self, undo: bool) -> str:
        """Returns the step's name as commands and replies carry it."""
        return asked_as(self.name, undo)


def asked_as(step: str, undo: bool) -> str:
    """Returns a step's name as commands and replies carry it."""
    return f"{step}{COMPENSATION_SUFFIX}" if undo else step


class Saga(Generic[D]):
    """A saga's steps and what its own service does when it has ended.

    A saga that is under way goes on by the version that it began with, so older versions stay declared beside the
    newest for as long as sagas go by them. All end by the functions of the newest.
    """

    def __init__(
        self,
        name: str,
        data: type[D],
        *steps: Step,
        version: int = FIRST_VERSION,
        before: Sequence["Saga[Any]"] = (),
        retired: Sequence[int] = (),
    ) -> None:
        """Declares a saga.

        Args:
            name: The saga's name within its service.
            data: What the saga knows from its start; commands take their fields from it.
            steps: Compensatable steps, then the pivot, then retriable ones; or retriable ones alone.
            version: Which version of the saga this is: 1, then 2 when its steps change, and so on.
            before: The older versions by which sagas may still go.
            retired: The older versions by which no saga goes any more; without that being said `make check` takes the
                absence of one for a mistake.

        Raises:
            Misdeclared: The saga could get stuck half-way, a command could not be made of its data, or an older version
                does not fit.
        """
        self.name = name
        self.data = data
        self.steps = steps
        self.version = version
        self.before, self.retired = tuple(before), tuple(retired)
        self.completed: Callable[[D, Any], None] = _nothing
        self.failed: Callable[[D, str, Any], None] = _nothing
        if not (isinstance(data, type) and issubclass(data, BaseModel)):
            raise self.refuse(f"its data, {data!r:.80}, are kept as JSON; make them a pydantic model")
        check_steps(self)
        for step in steps:
            for command in step.commands():
                _check_command(self, step, command)
        check_versions(self)

    def versions(self) -> tuple["Saga[Any]", ...]:
        """Returns the declarations that sagas of this name may go by, the newest first."""
        return (self, *self.before)

    def step(self, name: str) -> Step:
        """Returns a step by its name; there is one."""
        return next(step for step in self.steps if step.name == name)

    def refuse(self, why: str) -> Misdeclared:
        """Returns the error of a declaration of this saga."""
        version = "" if self.version == FIRST_VERSION else f" version {self.version}"
        return Misdeclared(f"saga {self.name}{version}: {why}")

    def when_completed(self, function: Callable[[D, Any], None]) -> Callable[[D, Any], None]:
        """Registers what is done, in the same transaction, when every step has succeeded.

        Raises:
            Misdeclared: It does not take the saga's data and the transaction, or there is such a function already.
        """
        if self.completed is not _nothing:
            raise self.refuse("when_completed is there twice; one function ends it")
        check_signature(function, self.data, ["tx"], [type(None)])
        self.completed = function
        return function

    def when_failed(self, function: Callable[[D, str, Any], None]) -> Callable[[D, str, Any], None]:
        """Registers what is done, in the same transaction, when everything has been undone; takes the reason too.

        Raises:
            Misdeclared: It does not take the saga's data, the reason and the transaction, or there is such a function
                already.
        """
        if self.failed is not _nothing:
            raise self.refuse("when_failed is there twice; one function ends it")
        check_signature(function, self.data, ["reason", "tx"], [type(None)])
        self.failed = function
        return function


def check_steps(saga: Saga[Any]) -> None:
    """Makes sure that a saga ends, whatever its participants answer."""
    names = [step.name for step in saga.steps]
    rank = [2 if step.retriable else 1 if step.pivot else 0 for step in saga.steps]
    # What is decided where the saga starts cannot be refused any more, so nothing would ever be undone.
    is_decided = bool(rank) and set(rank) == {2}
    if rank != sorted(rank) or (rank.count(1) != 1 and not is_decided):
        raise saga.refuse("steps that can be compensated come first, then one pivot, then retriable ones")
    if len(set(names)) < len(names):
        raise saga.refuse("replies are told apart by the step's name, so each step needs one of its own")
    for step in saga.steps:
        if not step.name or step.name.endswith(COMPENSATION_SUFFIX):
            raise saga.refuse(f"a step cannot be called {step.name!r}; give it a name without {COMPENSATION_SUFFIX}")
        if step.pivot and step.retriable:
            raise saga.refuse(f"step {step.name} is either the pivot or retriable, not both")
        if step.pivot and step.compensation is None:
            raise saga.refuse("the pivot needs a compensation for the case that it does not answer")
        if step.retriable and step.compensation is not None:
            raise saga.refuse(f"step {step.name} is retriable and never undone; leave its compensation out")


def check_versions(saga: Saga[Any]) -> None:
    """Makes sure that every version is told from the others, and that sagas of each can end as the newest's do."""
    numbers = [*saga.retired, *(older.version for older in saga.before)]
    if saga.version < FIRST_VERSION:
        raise saga.refuse("versions count from 1")
    if len(set(numbers)) < len(numbers) or any(number >= saga.version for number in numbers):
        raise saga.refuse(f"its older versions are {numbers}; each has a number of its own, below {saga.version}")
    for older in saga.before:
        if older.name != saga.name or older.before:
            raise older.refuse(f"it stands before {saga.name}; a version before has the same name, and none before it")
        if older.completed is not _nothing or older.failed is not _nothing:
            raise older.refuse("its sagas end by the functions of the newest version; it has none of its own")
        for misfit in misfits(written_schema(older.data), needed_schema(saga.data)):
            raise older.refuse(f"{saga.data.__name__}.{misfit.path} {_why(misfit, older.data.__name__)}")


def _check_command(saga: Saga[Any], step: Step, command: type[Command]) -> None:
    """Makes sure that a command can be made of the saga's data: it is, long after anybody could be told."""
    if contract_of(command, "sends").peer != contract_of(step.command, "sends").peer:
        raise saga.refuse(
            f"{command.__name__} undoes {step.command.__name__} and goes to {command.contract.peer}; only"
            f" {step.command.contract.peer} can undo what it did"
        )
    taken = [name for name in Command.model_fields if name in saga.data.model_fields]
    if taken:
        raise saga.refuse(f"{saga.data.__name__}.{taken[0]}: the library fills {taken[0]} in; call the field otherwise")
    needed = needed_schema(command)
    needed["properties"] = {
        name: kind for name, kind in needed["properties"].items() if name not in Command.model_fields
    }
    needed["required"] = [name for name in needed.get("required", ()) if name not in Command.model_fields]
    for misfit in misfits(written_schema(saga.data), needed):
        raise saga.refuse(f"{command.__name__}.{misfit.path} {_why(misfit, saga.data.__name__)}")


def _why(misfit: Misfit, data: str) -> str:
    if misfit.kind == "missing":
        return f"is not among what {data} holds; add it to {data}, or give it a default"
    return f"should be {misfit.read}, and {data} holds {misfit.written}; make the two one"


def check_sagas(service: str, sagas: Collection[Saga[Any]]) -> None:
    """Makes sure that sagas can be led by a service.

    Raises:
        Misdeclared: Two have the same name, or one asks what is not this service's to ask.
    """
    if len({saga.name for saga in sagas}) < len(sagas):
        raise Misdeclared(f"{service} has two sagas of one name; each needs one of its own")
    for saga in (version for newest in sagas for version in newest.versions()):
        for command in (command for step in saga.steps for command in step.commands()):
            if command.contract.peer == service:
                raise saga.refuse(f"{command.__name__} goes to {service} itself; a step is another service's part")
            if service_of(command.__module__) not in (None, service):
                raise saga.refuse(f"{named(command)} is another service's; declare it in the messages of {service}")
