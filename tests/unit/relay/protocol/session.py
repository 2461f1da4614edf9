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
class Begun:
    """A statement that was sent ahead, and what came of it."""

    _session: "Session"
    _rows: Rows
    _error: psycopg.Error | None

    def hear(self) -> psycopg.Error | None:
        """What went wrong."""
        return self._error

    def rows(self) -> Rows:
        """What it returned, which is in its relay's hands now."""
        self._session.in_hand |= {row[0] for row in self._rows}
        return self._rows


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
    nudges: int = 0
    """Those that wait to be read."""
    is_unseen: bool = False
    """Whether one came after the last statement that looked for rows."""
    _nudged: list[Callable[[Any], None]] = field(default_factory=list)

    def execute(self, statement: str, asked: Mapping[str, Any] | None = None, **_how: object) -> Rows:
        """Answers one of the relay's statements; before it, anything may happen."""
        self.pause()
        if not self.lives:
            raise psycopg.OperationalError("terminating connection due to administrator command")
        answer = Rows(self.database.answer(self, statement, asked or {}))
        while self.notifies():  # the driver hands over what has come meanwhile
            for handler in self._nudged:
                handler(None)
        return answer

    def begin(self, statement: str, asked: Mapping[str, Any]) -> "Begun":
        """Answers a statement whose answer is heard later; before it, anything may happen."""
        try:
            rows = self.execute(statement, asked)
        except psycopg.Error as failed:
            return Begun(self, Rows(), failed)
        self.in_hand -= {row[0] for row in rows}
        return Begun(self, rows, None)

    @property
    def pgconn(self) -> Self:
        """The lower level, which one statement goes through."""
        return self

    def look(self, floor: int) -> bool:
        """Answers whether there is any row above the floor."""
        self.pause()
        if not self.lives:
            raise psycopg.OperationalError("terminating connection due to administrator command")
        self.is_unseen = False
        return self.database.has_any_above(floor)

    def prepare_look(self) -> None:
        """Nothing needs to be prepared here."""

    def nudge(self) -> None:
        """Notifies: a writer has committed."""
        self.nudges, self.is_unseen = self.nudges + 1, True

    def add_notify_handler(self, handler: Callable[[Any], None]) -> None:
        """Hands nudges over that come with an answer."""
        self._nudged.append(handler)

    def consume_input(self) -> None:
        """Reads nothing: what has come is there."""

    def notifies(self) -> bool:
        """Takes a nudge that has come; whether there was one."""
        self.nudges -= (came := self.nudges > 0)
        return came

    def fileno(self) -> int:
        """The descriptor at which a nudge comes."""
        return self.pid

    def close(self) -> None:
        """Ends the session from the client's side."""
        self.database.end(self)
