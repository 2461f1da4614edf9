"""The kinds of messages, and what a service declares about each in its own `messages.py`.

A publisher owns the full class; a reader declares a class of the same name with the fields it reads and ignores the
others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Final, Literal, TypeVar, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from infirmary.declaring.declaration import Misdeclared, check_fields, check_peer, check_subject, named, service_of
from infirmary.identifiers import time_of
from infirmary.message_fields import Name, Text, Version

Direction = Literal["publishes", "reads", "sends", "receives"]
ALL: Final[tuple[Direction, ...]] = get_args(Direction)
OUTWARD: Final[tuple[Direction, ...]] = ("publishes", "sends")
"""The directions of what a service owns; it reads or receives the rest."""

M = TypeVar("M", bound="Message")

COMPENSATION_SUFFIX = ".compensation"


@dataclass(frozen=True, slots=True)
class Contract:
    """What a service declares about a message class.

    Attributes:
        direction: `publishes` and `reads` are for events, `sends` and `receives` for commands.
        peer: The service at the other end; for `publishes` it is empty, anybody may read.
        subject_field: For `publishes`, the field that holds the aggregate's id.
        ends: For `publishes`, whether nothing is expected to follow of an aggregate whose id is a UUID of version 7.
    """

    direction: Direction
    peer: str = ""
    subject_field: str = ""
    ends: bool = False


class Message(BaseModel):
    """A message's body. Unknown fields are ignored, so that a publisher may add some."""

    # JSON has no NaN: it would be written as null, which no reader of a number takes. Types that JSON cannot hold are
    # refused by the decorators, which name the field.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, arbitrary_types_allowed=True)
    contract: ClassVar[Contract]
    upcasters: ClassVar[tuple[Any, ...]] = ()  # of infirmary.upcasting, which knows messages


class Event(Message):
    """Something that happened to an aggregate of the publishing service; anybody may read it in the service's log."""

    def subject(self) -> str:
        """Returns the id of the aggregate that the event is about."""
        return str(getattr(self, type(self).contract.subject_field))

    def ends_subject(self) -> bool:
        """Says whether nothing is expected to follow of the aggregate.

        Never of one whose id does not tell when it began: what is not known of it could not be told from what is new.
        """
        return type(self).contract.ends and time_of(self.subject()) is not None


class Command(Message):
    """What a saga asks a participant to do.

    Attributes:
        saga_id: The saga that asks; order holds per saga.
        step: The step's name, with `.compensation` behind it when the step is to be undone.
        attempt: 1, 2, 3 ...; every attempt is a message of its own with the same saga id and step.
        reply_to: The service that takes the reply.
    """

    saga_id: UUID
    step: Name
    attempt: Version
    reply_to: Name

    def is_compensation(self) -> bool:
        """Says whether the command undoes its step."""
        return self.step.endswith(COMPENSATION_SUFFIX)

    def action_step(self) -> str:
        """Returns the name of the step that is done or undone."""
        return self.step.removesuffix(COMPENSATION_SUFFIX)


class Reply(Message):
    """A participant's answer to a command."""

    contract: ClassVar[Contract] = Contract("receives")

    saga_id: UUID
    step: Name
    attempt: Version
    outcome: Literal["done", "refused"]
    reason: Text | None = None


class Notice(Message):
    """What a service tells one other service, which answers nothing.

    Attributes:
        track: A UUID of version 7. Notices of a track come in the order in which they were told.
    """

    contract: ClassVar[Contract] = Contract("receives")

    track: UUID


DECORATORS: Final = {
    "publishes": '@publishes(subject="...")',
    "reads": '@reads("<publisher>")',
    "sends": '@sends("<participant>")',
    "receives": '@receives("<orchestrator>")',
}
"""How each direction is declared."""


def contract_of(message: type[Message], *wanted: Direction) -> Contract:
    """Returns what a class declares.

    Args:
        message: The class.
        wanted: The directions that it may have where it is used.

    Raises:
        Misdeclared: It has no decorator, or one of another direction.
    """
    if not (isinstance(message, type) and issubclass(message, Message)):
        raise Misdeclared(f"{message!r:.80} is no message class; make one from Event or Command")
    contract = vars(message).get("contract")
    ways = " or ".join(DECORATORS[direction] for direction in wanted)
    if not isinstance(contract, Contract):
        raise Misdeclared(f"{named(message)} is not declared; put {ways} above the class")
    if contract.direction not in wanted:
        raise Misdeclared(
            f"{named(message)} is declared by @{contract.direction}, and what is used here is declared by {ways}"
        )
    return contract


@lru_cache
def check_own(kind: type[Event | Command], source: str) -> None:
    """Makes sure that a service writes only messages that are its own.

    Raises:
        Misdeclared: It is to write somebody else's, or what is not declared as something to write.
    """
    contract_of(kind, "publishes" if issubclass(kind, Event) else "sends")
    owner = service_of(kind.__module__)
    if owner not in (None, source):
        raise Misdeclared(
            f"{kind.__name__} is {owner}'s, and {source} cannot write it; a service writes its own messages"
        )


def _declare(contract: Contract, base: type[Message]) -> Callable[[type[M]], type[M]]:
    def mark(message: type[M]) -> type[M]:
        if not (isinstance(message, type) and issubclass(message, base)):
            raise Misdeclared(f"{named(message)}: @{contract.direction} is for classes of {base.__name__}")
        if "contract" in vars(message):
            raise Misdeclared(f"{named(message)} is declared twice; a class has one decorator")
        if contract.direction == "publishes":
            check_subject(message, contract.subject_field)
        else:
            check_peer(message, contract.peer)
        check_fields(message, base)
        message.contract = contract
        return message

    return mark


def _named_peer(direction: Direction, peer: object) -> str:
    """Returns the service at the other end. Without it, it is the class that the decorator is given."""
    if not isinstance(peer, str):
        raise Misdeclared(f"{named(peer)}: @{direction} names the service at the other end: {DECORATORS[direction]}")
    return peer


def publishes(bare: object = None, /, *, subject: str = "", ends: bool = False) -> Callable[[type[M]], type[M]]:
    """Declares an event of this service.

    Args:
        bare: Nothing: it is there to be refused in words.
        subject: The field that holds the aggregate's id.
        ends: Whether nothing is expected to follow of the aggregate. When something does it goes on as if nothing had
            been said; otherwise the numbers of its events are forgotten everywhere, once no log holds any of them. It
            says nothing of an aggregate whose id is no UUID of version 7, which tells when it began.

    Raises:
        Misdeclared: It has no subject.
    """
    if bare is not None or not subject:
        raise Misdeclared(
            f"{named(bare) if isinstance(bare, type) else 'an event'}: @publishes names the field that holds the"
            f" aggregate's id: {DECORATORS['publishes']}"
        )
    return _declare(Contract("publishes", subject_field=subject, ends=ends), Event)


def reads(source: str) -> Callable[[type[M]], type[M]]:
    """Declares the fields that this service reads of an event of `source`."""
    return _declare(Contract("reads", peer=_named_peer("reads", source)), Event)


def sends(to: str) -> Callable[[type[M]], type[M]]:
    """Declares a command that this service's saga sends to the service `to`."""
    return _declare(Contract("sends", peer=_named_peer("sends", to)), Command)


def receives(sender: str) -> Callable[[type[M]], type[M]]:
    """Declares the fields that this service reads of a command that `sender`'s saga sends."""
    return _declare(Contract("receives", peer=_named_peer("receives", sender)), Command)


def encode(message: Message) -> bytes:
    """Returns the message's JSON body."""
    return message.__pydantic_serializer__.to_json(message, exclude_none=False)
