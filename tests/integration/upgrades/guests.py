"""The events of a hotel's guests as its releases publish them, and as the releases of a desk read them.

The second release tells the floor, too. The third tells it by another event, which takes the first one's place: at
first beside it, and in the fourth release alone.
"""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from infirmary.handlers import Handlers
from infirmary.messages import Event, publishes, reads
from infirmary.postgres.transaction import Transaction
from infirmary.upcasting import EarlierShape, upcasts
from tests.integration.upgrades.stays import HOTEL

DESK: Final = "desk"


class First:
    """What the first release of the hotel publishes."""

    @publishes(subject="guest")
    class GuestCame(Event):
        """Somebody has a room."""

        guest: UUID
        room: str


class Second:
    """What later ones publish."""

    @publishes(subject="guest")
    class GuestCame(Event):
        """Somebody has a room on a floor."""

        guest: UUID
        room: str
        floor: int

    @publishes(subject="guest")
    class GuestArrived(Event):
        """Somebody is on a floor."""

        guest: UUID
        floor: int


def _first(guest: UUID, floor: int) -> list[Event]:
    return [First.GuestCame(guest=guest, room=f"{floor}04")]


def _second(guest: UUID, floor: int) -> list[Event]:
    return [Second.GuestCame(guest=guest, room=f"{floor}04", floor=floor)]


def _third(guest: UUID, floor: int) -> list[Event]:
    return [*_second(guest, floor), *_fourth(guest, floor)]


def _fourth(guest: UUID, floor: int) -> list[Event]:
    return [Second.GuestArrived(guest=guest, floor=floor)]


PUBLISHED: Final[dict[int, Callable[[UUID, int], list[Event]]]] = {1: _first, 2: _second, 3: _third, 4: _fourth}
"""What each release of the hotel says about a guest."""


class WithoutFloor:
    """What the first release of the desk reads."""

    @reads(HOTEL)
    class GuestCame(Event):
        """Somebody has a room."""

        guest: UUID
        room: str


@reads(HOTEL)
class GuestCame(Event):
    """What the later ones need."""

    guest: UUID
    floor: int


class InARoom(EarlierShape):
    """What the hotel's first release said."""

    guest: UUID
    room: str


@upcasts(GuestCame)
def floor_of_room(earlier: InARoom) -> GuestCame:
    """A room's number begins with its floor."""
    return GuestCame(guest=earlier.guest, floor=int(earlier.room[0]))


@reads(HOTEL)
class GuestArrived(Event):
    """What takes its place."""

    guest: UUID
    floor: int


def desk(release: int) -> Handlers:
    """Returns what a release of the desk does: the first two read one event, the third both, the fourth the other."""
    handlers = Handlers(DESK)

    def note(tx: Transaction, guest: UUID, floor: int) -> None:
        tx.execute("INSERT INTO guest VALUES (%(g)s, %(f)s) ON CONFLICT DO NOTHING", g=guest, f=floor)

    def came_without_floor(event: WithoutFloor.GuestCame, tx: Transaction) -> None:
        note(tx, event.guest, int(event.room[0]))

    def came(event: GuestCame, tx: Transaction) -> None:
        note(tx, event.guest, event.floor)

    def arrived(event: GuestArrived, tx: Transaction) -> None:
        note(tx, event.guest, event.floor)

    if release == 1:
        handlers.on(WithoutFloor.GuestCame)(came_without_floor)
    if release in (2, 3):
        handlers.on(GuestCame)(came)
    if release in (3, 4):
        handlers.on(GuestArrived)(arrived)
    return handlers
