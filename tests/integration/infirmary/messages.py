"""What the counting service of these tests is told and asked, and what it does about it."""

from dataclasses import dataclass, field

from infirmary.handlers import Handlers, Outcome, Refused
from infirmary.messages import Command, Event, publishes, reads, receives
from infirmary.postgres.transaction import Transaction

LOG, COMMANDS = "ward.events", "admission.to.counting"


@publishes(subject="counter")
class Counted(Event):
    """What the service publishes for each thing it is told."""

    counter: str
    number: int


@publishes(subject="counter", ends=True)
class Closed(Event):
    """What it publishes when nothing more is to come of a counter."""

    counter: str


@reads("ward")
class Told(Event):
    """What the service is told; `fault` names an SQL state to fail with."""

    counter: str
    number: int
    fault: str | None = None


@receives("admission")
class Add(Command):
    """Adds a number to a counter; 13 is refused, a negative number breaks."""

    counter: str
    number: int


@receives("admission")
class TakeAway(Command):
    """Undoes an addition."""

    counter: str
    number: int


class Unlucky(RuntimeError):
    """What a handler fails with that has a bug."""


@dataclass
class Faults:
    """What is wrong with the service at the moment."""

    broken: set[str] = field(default_factory=set)


def handlers_of(faults: Faults) -> Handlers:
    """Returns the counting service's table of contents."""
    handlers = Handlers("counting")

    @handlers.on(Told)
    def count_told(event: Told, tx: Transaction) -> None:
        if event.fault is not None:
            tx.value("SELECT raise_fault(%(state)s)", state=event.fault)
        if event.counter in faults.broken:
            raise Unlucky(event.counter)
        tx.execute("INSERT INTO told (counter, number) VALUES (%(c)s, %(n)s)", c=event.counter, n=event.number)
        tx.publish(Counted(counter=event.counter, number=event.number))

    @handlers.command(Add)
    def add(command: Add, tx: Transaction) -> Outcome:
        if command.counter in faults.broken:
            raise Unlucky(command.counter)
        if command.number == 13:
            return Refused("bad luck")
        tx.execute("INSERT INTO told (counter, number) VALUES (%(c)s, %(n)s)", c=command.counter, n=command.number)
        return None

    @handlers.command(TakeAway)
    def take_away(command: TakeAway, tx: Transaction) -> Outcome:
        tx.execute("INSERT INTO told (counter, number) VALUES (%(c)s, %(n)s)", c=command.counter, n=-command.number)
        return None

    return handlers
