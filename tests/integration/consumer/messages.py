"""What the service of these tests is told and asked, and what it tells."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from infirmary.handlers import Handlers, Outcome, Refused
from infirmary.messages import Command, Event, Notice, publishes, reads, receives
from infirmary.upcasting import EarlierShape, upcasts

SERVICE = "notification"
"""The service whose collection the tests use; its name means nothing to PostgreSQL."""

LOG, COMMANDS = "ward.events", f"admission.to.{SERVICE}"
UNLUCKY = 13


@publishes(subject="counted")
class Counted(Event):
    """What the service publishes for each thing that changes a counter: an event of its own subject."""

    counted: str


@publishes(subject="closed", ends=True)
class Closed(Event):
    """What it may publish when nothing more is to come."""

    closed: UUID


@reads("ward")
class Told(Event):
    """What the service is told."""

    counter: str
    number: int


class ToldInWords(EarlierShape):
    """How it was told before."""

    counter: str
    word: Literal["one", "two"]


@upcasts(Told)
def in_numbers(earlier: ToldInWords) -> Told:
    """A word is a number."""
    return Told(counter=earlier.counter, number=("one", "two").index(earlier.word) + 1)


@receives("admission")
class Add(Command):
    """Adds a number to the saga's counter; 13 is refused."""

    number: int


@receives("admission")
class TakeAway(Command):
    """Undoes an addition; 13 is refused."""

    number: int


class Noticed(Notice):
    """What admission tells it besides, and wants no answer to."""

    number: int


class Unlucky(RuntimeError):
    """What a handler fails with that has a bug."""


@dataclass
class Faults:
    """What is wrong with the service at the moment.

    Attributes:
        broken: The counters whose handlers fail, and with what.
    """

    broken: dict[str, Exception] = field(default_factory=dict)

    def breaks(self, *counters: object) -> None:
        """Lets the handlers of some counters fail."""
        self.broken |= {str(counter): Unlucky(str(counter)) for counter in counters}


def handlers_of(faults: Faults, change: Callable[[Any, str, int], None]) -> Handlers:
    """Returns the service's table of contents.

    Args:
        faults: What is wrong with it.
        change: Notes in the transaction that a counter was changed by a number.
    """
    handlers = Handlers(SERVICE)

    def note(tx: Any, counter: str, number: int) -> None:
        if counter in faults.broken:
            raise faults.broken[counter]
        change(tx, counter, number)
        tx.publish(Counted(counted=f"{counter} {number}"))

    @handlers.on(Told)
    def count_told(event: Told, tx: Any) -> None:
        note(tx, event.counter, event.number)

    @handlers.command(Add)
    def add(command: Add, tx: Any) -> Outcome:
        if command.number == UNLUCKY:
            return Refused("bad luck")
        note(tx, str(command.saga_id), command.number)
        return None

    @handlers.command(TakeAway)
    def take_away(command: TakeAway, tx: Any) -> Outcome:
        if command.number == UNLUCKY:
            return Refused("bad luck")
        note(tx, str(command.saga_id), -command.number)
        return None

    @handlers.notice(Noticed, ["admission"])
    def count_noticed(notice: Noticed, tx: Any) -> None:
        note(tx, f"{notice.track} of {tx.told_by}", notice.number)

    return handlers
