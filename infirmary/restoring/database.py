"""What a restore needs of a service's database; PostgreSQL and MongoDB each have a room that does it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from infirmary.restoring.numbers import Missing
from infirmary.restoring.told import Told


class CannotRestore(RuntimeError):
    """A restore stops, for a person to do something; what is done so far is kept. The text says what."""


@dataclass(frozen=True, slots=True)
class Mark:
    """That a database was set back.

    Attributes:
        since: When that was noticed.
        because: By what, in words.
        age_s: How long ago that was, by the database's clock.
    """

    since: datetime
    because: str
    age_s: float


@dataclass(slots=True)
class Found:
    """What messages of a log were said after the backup.

    Attributes:
        kinds: How many, by their types.
        missing: What the log does not have.
        again: How many rows of the outbox need another number.
        gone: About how many messages the log has held before its first one, where that was said after the backup.
    """

    kinds: dict[str, int] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)
    again: int = 0
    gone: int = 0

    def add(self, other: "Found") -> None:
        """Adds what more messages are."""
        for kind, number in other.kinds.items():
            self.kinds[kind] = self.kinds.get(kind, 0) + number
        self.missing += other.missing
        self.again += other.again
        self.gone = max(self.gone, other.gone)


def found_in(stored: Mapping[str, Any]) -> Found:
    """Returns what was stored of it, as `asdict` gives it."""
    missing = [Missing(**each) for each in stored["missing"]]
    return Found(dict(stored["kinds"]), missing, stored["again"], stored.get("gone", 0))


@dataclass(frozen=True, slots=True)
class Place:
    """How far a log has been gone through.

    Attributes:
        next_offset: The first message that was not looked at; None before the first.
        found: What the others were.
    """

    next_offset: int | None
    found: Found


class RestoredDatabase(Protocol):
    """The database of one service, while it is made whole again. One restore at a time."""

    def mark(self) -> Mark | None:
        """Returns how the database is marked; None when nobody has found that it was set back."""
        ...

    def mark_set_back(self, because: str) -> None:
        """Marks the database as set back, for all who work with it; one that is marked stays as it is."""
        ...

    def begin(self) -> None:
        """Becomes the one restore of this database.

        Raises:
            CannotRestore: There is another one, or a consumer still applies messages.
        """
        ...

    def places(self) -> Mapping[str, Place]:
        """Returns how far logs have been gone through, by this restore or by one that was stopped."""
        ...

    def look(self, told: Sequence[Told]) -> Found:
        """Finds out which messages were said after the backup, and changes nothing.

        A message of a subject is looked at after those before it; this remembers what it has seen.
        """
        ...

    def take_on(self, log: str, told: Sequence[Told], place: Place, left_out: Collection[UUID]) -> Found:
        """Makes again what messages tell of, in one transaction with the place behind them.

        Args:
            log: Whose messages they are, or the part.
            told: In their order.
            place: Where they begin, and where they end once this is done.
            left_out: The messages of which the state's change is not made, because a person says so.

        Raises:
            CannotRestore: A function of the service fails; nothing of these messages is kept.
        """
        ...

    def finish(self) -> None:
        """Gives the rows that need it another number, begins another life of the database and clears the mark."""
        ...

    def close(self) -> None:
        """Ends the connection."""
        ...
