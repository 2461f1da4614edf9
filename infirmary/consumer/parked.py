"""Messages that could not be applied or wait for another one, and where a service keeps them: in its own database."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from infirmary.consumer.contents import whole
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.due import Due
from infirmary.consumer.failure import calls_of, describe, line_of
from infirmary.consumer.held_now import HeldNow
from infirmary.consumer.sequence import NumberGivenOutTwice
from infirmary.transport.envelope import Incoming, stored

ParkedId = int | UUID

WOKEN_AT_ONCE: Final = 200
"""So many of the messages that waited for one are made due when it is applied; the others follow them."""


@dataclass(frozen=True, slots=True)
class ParkedMessage:
    """A message that is held.

    Attributes:
        id: Its number (PostgreSQL) or UUID (MongoDB); grows.
        channel: The log that it came in.
        source, type, subject, sequence: Its attributes; None where they cannot be read.
        error: Why it could not be applied, and below that line the calls that led to it; None while it only waits for
            the one before it.
        unreadable: Whether it has failed because of what it is, and not of what its handler did.
        attempts: How often it has failed.
        retry_at: When it is tried next; None for one that waits for a person: its attributes cannot be read, and it is
            never tried, or its number was given out twice.
        properties: Its attributes as JSON.
        body: The bytes as they came, of a very long body only the beginning.
    """

    id: ParkedId
    channel: str
    source: str | None
    type: str | None
    subject: str | None
    sequence: int | None
    message_id: UUID
    error: str | None
    unreadable: bool
    attempts: int
    retry_at: datetime | None
    parked_at: datetime
    properties: dict[str, Any]
    body: bytes

    def message(self) -> Incoming:
        """Returns the message; only for one whose attributes could be read.

        Raises:
            MalformedMessage: It was too long to be kept whole.
        """
        return whole(self.properties, self.body)

    def readable(self) -> Incoming | None:
        """Returns the message for those who are told of it, as far as its attributes could be read."""
        return None if self.type is None else stored(self.properties, self.body)

    @property
    def has_anothers_number(self) -> bool:
        """Whether its number was given out twice: it is tried only when an operator wants it to be applied."""
        return self.error is not None and self.error.startswith(NumberGivenOutTwice.__name__)

    def failing_with(self, error: Exception) -> Exception:
        """Returns what it is held with when it fails again: that it has another one's number stays known."""
        if not self.has_anothers_number or isinstance(error, NumberGivenOutTwice):
            return error
        return NumberGivenOutTwice(f"applied although its number was given out twice, it fails: {describe(error)}")

    @property
    def state(self) -> str:
        """What the message is here for."""
        if self.type is None:
            return "unreadable"
        return "waits" if self.error is None else "parked"

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


class ParkedMessages(Protocol):
    """The held messages of a service; the consumer and the operator's commands share it.

    In PostgreSQL it works in the transaction at hand, and what it lends cannot be changed by others until that ends. In
    MongoDB each change is a write of its own.
    """

    def hold(self, channel: str, delivery: Delivery, error: BaseException | None, *, is_put_off: bool = False) -> None:
        """Keeps a message, once; of one that was only waiting it is known from now on what it fails with.

        Without an error it waits for its predecessor; one whose attributes cannot be read waits for a person; one that
        is put off, for the lock that it has met; one whose number was given out twice, for a person as well.
        """
        ...

    def look(self, channel: str, at_once: int, at_most: int) -> list[Due]:
        """Returns messages that are due, in the order of their sequences.

        Args:
            channel: The log.
            at_once: So many of those that have been due for longest, and of those that only waited.
            at_most: So many of those that have failed least.
        """
        ...

    def take(self, ids: Sequence[ParkedId]) -> list[ParkedMessage]:
        """Returns messages in the order of their ids' list, but for those that are in other hands or gone."""
        ...

    def of_subject(self, channel: str, subject: str) -> list[ParkedMessage]:
        """Returns all messages of one subject, in the order of their sequences."""
        ...

    def release(self, held: ParkedMessage) -> None:
        """Forgets a message that was applied, or that needs to be applied no longer."""
        ...

    def failed_again(self, held: ParkedMessage, error: BaseException) -> None:
        """Notes another failure and when to try next."""
        ...

    def put_off(self, held: ParkedMessage) -> None:
        """Tries a message again soon that has met somebody's lock; that is no failure of its own."""
        ...

    def postpone(self, pauses_s: Mapping[ParkedId, float]) -> None:
        """Looks at messages again after a pause each, in seconds."""
        ...

    def wake_after(self, channel: str, last: Mapping[str, int]) -> None:
        """Makes the messages due that waited for the last sequences of their subjects, which are applied now."""
        ...

    def count(self, channel: str) -> HeldNow:
        """Returns how many messages of a log are held, and the oldest since when. What is put off only waits."""
        ...

    def missing(self, channel: str) -> int:
        """Returns how many messages are missing: those that held ones of their subjects wait for.

        One that the log's writer has not written, or without a sequence, waits for none.
        """
        ...

    def everything(self) -> Iterable[ParkedMessage]:
        """Gives all messages, oldest first."""
        ...

    def find(self, parked_id: str) -> ParkedMessage | None:
        """Returns a message by its id as a person has written it."""
        ...

    def make_due(self, parked_id: str | None) -> int:
        """Makes a message, or all of them, due now, but for those whose attributes cannot be read.

        One that waits for a person is made due by its id alone.

        Returns:
            How many are due now.
        """
        ...

    def last_applied(self, channel: str, subject: str) -> int:
        """Returns the last sequence of a log's subject that was applied or passed; 0 for none."""
        ...

    def pass_up_to(self, channel: str, last: Mapping[str, int]) -> None:
        """Lets subjects of a log go on behind sequences; one that is further already stays there."""
        ...

    def give_up(self, held: ParkedMessage) -> None:
        """Deletes a message and wakes those behind it."""
        ...
