"""A session with the model of PostgreSQL: the part of psycopg's connection that a relay uses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import psycopg

Answer = list[tuple[Any, ...]]


class Backend(Protocol):
    """What a session asks of its database."""

    def answer(self, session: "Session", statement: str, asked: Mapping[str, Any]) -> Answer:
        """Does what a statement says."""

    def has_any_above(self, floor: int) -> bool:
        """Whether there is a row with a higher id."""

    def end(self, session: "Session") -> None:
        """Ends a session."""


class Rows(Answer):
    """What a statement has returned."""

    def fetchall(self) -> Answer:
        """Returns all rows."""
        return self


@dataclass(eq=False)
class Session:
    """A backend, and its client's side."""

    database: Backend
    pid: int
    name: str
    pause: Callable[[], None]
    lives: bool = True
    in_hand: set[int] = field(default_factory=set)
    """What its relay has in flight, as of its last fetch."""

    def execute(self, statement: str, asked: Mapping[str, Any] | None = None, **_how: object) -> Rows:
        """Answers one of the relay's statements; before it, anything may happen."""
        self.pause()
        if not self.lives:
            raise psycopg.OperationalError("terminating connection due to administrator command")
        return Rows(self.database.answer(self, statement, asked or {}))

    @property
    def pgconn(self) -> Self:
        """The lower level, which one statement goes through."""
        return self

    def look(self, floor: int) -> bool:
        """Answers whether there is any row above the floor."""
        self.pause()
        if not self.lives:
            raise psycopg.OperationalError("terminating connection due to administrator command")
        return self.database.has_any_above(floor)

    def prepare_look(self) -> None:
        """Nothing needs to be prepared here."""

    def add_notify_handler(self, _: object) -> None:
        """Nobody nudges here: a lost nudge costs only the polling interval."""

    def notifies(self) -> None:
        """No nudge has come."""

    def fileno(self) -> int:
        """Returns a descriptor that nobody waits on."""
        return -1

    def close(self) -> None:
        """Ends the session from the client's side."""
        self.database.end(self)
