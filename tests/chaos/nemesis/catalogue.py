"""All faults, and the choice of some of them."""

from collections.abc import Iterable

from tests.chaos.nemesis.broker import broker
from tests.chaos.nemesis.clock import clock
from tests.chaos.nemesis.database import database
from tests.chaos.nemesis.fault import Fault
from tests.chaos.nemesis.messages import messages
from tests.chaos.nemesis.mongodb import mongodb
from tests.chaos.nemesis.network import network
from tests.chaos.nemesis.participants import participants
from tests.chaos.nemesis.processes import processes

FAMILIES = (processes, database, broker, network, messages, participants, mongodb, clock)


def chosen(names: Iterable[str] = ()) -> list[Fault]:
    """Returns the faults of the families, or with the words, that are named; all of them when nothing is.

    Raises:
        LookupError: A name fits none.
    """
    everything = [fault for family in FAMILIES for fault in family.faults]
    wanted = list(names)
    for name in wanted:
        if not any(_fits(fault, name) for fault in everything):
            known = ", ".join(family.name for family in FAMILIES)
            raise LookupError(f"no fault is called {name!r}; the families are {known}")
    return [fault for fault in everything if not wanted or any(_fits(fault, name) for name in wanted)]


def _fits(fault: Fault, name: str) -> bool:
    return name == fault.family or name in fault.kind.name
