"""Messages that could not be applied or wait for one before them: to be looked at, tried again or given up."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from services.chassis.consumer.failure import calls_of, line_of
from services.chassis.log_parts import is_log, publisher_of


class CannotDiscard(Exception):
    """The message may not be given up now; the text says why and what to do first."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A held message.

    Attributes:
        error: Why it could not be applied, and below that line the calls that led to it; None while it only waits for
            the one before it.
        retry_at: When it is tried next; None for one whose attributes cannot be read, which is never tried.
        body: The bytes as they came.
    """

    id: int | UUID
    channel: str
    source: str | None
    type: str | None
    subject: str | None
    sequence: int | None
    message_id: UUID
    error: str | None
    attempts: int
    retry_at: datetime | None
    parked_at: datetime
    properties: dict[str, Any]
    body: bytes

    @property
    def state(self) -> str:
        """What the message is here for."""
        if self.type is None:
            return "unreadable"
        return "waits" if self.error is None else "parked"

    @property
    def is_numbered(self) -> bool:
        """Whether later events of the subject wait for this one: it is an event of the log's own service."""
        return self.sequence is not None and is_log(self.channel) and publisher_of(self.channel) == self.source

    @property
    def sentence(self) -> str | None:
        """The error in one line."""
        return None if self.error is None else line_of(self.error)

    @property
    def calls(self) -> str | None:
        """The calls in the code that led to the error; None where it is no error of the code."""
        return None if self.error is None else calls_of(self.error)

    def contents(self) -> Any:
        """Returns the body as JSON, or as far as it is text if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return self.body.decode(errors="replace")


class Shelf(Protocol):
    """Where a service keeps its parked messages; PostgreSQL and MongoDB each have one."""

    def everything(self) -> list[Parked]:
        """Returns all held messages, oldest first."""
        ...

    def find(self, parked_id: str) -> Parked | None:
        """Returns a held message, and keeps others from changing it where the database can."""
        ...

    def retry(self, parked_id: str | None) -> int:
        """Makes a message, or all that failed, due now; the active consumer tries them as far as new work lets it.

        Returns:
            How many are due now; one whose attributes cannot be read never is.
        """
        ...

    def last_applied(self, source: str, subject: str) -> int:
        """Returns the last sequence of a subject that was applied or passed; 0 for none."""
        ...

    def forget(self, held: Parked, pass_sequence: bool) -> None:
        """Deletes a message; with `pass_sequence` its subject goes on behind it."""
        ...


def check_discard(shelf: Shelf, parked_id: str) -> Parked:
    """Returns the message if it may be given up.

    Raises:
        CannotDiscard: There is no such message, or an event before it has not been applied.
    """
    held = shelf.find(parked_id)
    if held is None:
        raise CannotDiscard(f"there is no parked message {parked_id}; perhaps it has been applied meanwhile")
    gap = _next_sequence(shelf, held)
    if held.sequence is not None and gap is not None and held.sequence > gap:
        raise CannotDiscard(
            f"event {held.sequence} of {held.subject} waits for event {gap}; apply or discard that one first,"
            " otherwise what comes after it would wait for ever"
        )
    return held


def discard(shelf: Shelf, held: Parked) -> None:
    """Gives a message up for good. An event's sequence is passed with it, so that later ones of its subject go on.

    Args:
        shelf: Where it is.
        held: What `check_discard` has returned.
    """
    shelf.forget(held, pass_sequence=held.is_numbered and _next_sequence(shelf, held) == held.sequence)


def _next_sequence(shelf: Shelf, held: Parked) -> int | None:
    if not held.is_numbered or held.source is None or held.subject is None:
        return None
    return shelf.last_applied(held.source, held.subject) + 1
