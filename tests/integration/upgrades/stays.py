"""The saga of a stay, which a service `hotel` leads, in three versions.

The second asks for medicine first and for a letter last. The third writes no letter, calls the bed a room, and has the
bill before it.
"""

from pydantic import BaseModel

from infirmary.messages import Command, sends
from infirmary.saga.definition import Saga, Step

HOTEL, STAFF = "hotel", "staff"
"""Who leads it, and who takes part."""


class Stay(BaseModel):
    """What the saga knows."""

    nights: int
    note: str = "none"


@sends(STAFF)
class Reserve(Command):
    """Asks for a bed."""

    nights: int


@sends(STAFF)
class Release(Command):
    """Gives it back."""

    nights: int


@sends(STAFF)
class Charge(Command):
    """Asks for the money."""

    nights: int


@sends(STAFF)
class Refund(Command):
    """Gives it back."""

    nights: int


@sends(STAFF)
class Prepare(Command):
    """Asks for medicine."""

    note: str


@sends(STAFF)
class PutAway(Command):
    """Takes it back."""

    note: str


@sends(STAFF)
class Write(Command):
    """Asks for a letter."""

    note: str


BED = Step("bed", Reserve, compensation=Release)
MEDICINE = Step("medicine", Prepare, compensation=PutAway)
BILL = Step("bill", Charge, compensation=Refund, pivot=True)
LETTER = Step("letter", Write, retriable=True)
PREPAID = Step("bill", Charge, compensation=Refund)
ROOM = Step("room", Reserve, compensation=Release, pivot=True)

VERSIONS = {1: (BED, BILL), 2: (MEDICINE, BED, BILL, LETTER), 3: (MEDICINE, PREPAID, ROOM)}
"""The steps of each version."""


def stay(*known: int) -> Saga[Stay]:
    """Returns the saga as a release declares it that knows these versions, the newest last."""
    *older, newest = known
    before = [Saga("stay", Stay, *VERSIONS[version], version=version) for version in older]
    return Saga("stay", Stay, *VERSIONS[newest], version=newest, before=before)
