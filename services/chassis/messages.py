"""The kinds of messages, and what a service declares about each in its own `messages.py`.

A publisher owns the full class; a reader declares a class of the same name with the fields it reads and ignores the
others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Direction = Literal["publishes", "reads", "sends", "receives"]
M = TypeVar("M", bound="Message")

COMPENSATION_SUFFIX = ".compensation"


@dataclass(frozen=True, slots=True)
class Contract:
    """What a service declares about a message class.

    Attributes:
        direction: `publishes` and `reads` are for events, `sends` and `receives` for commands.
        peer: The service at the other end; for `publishes` it is empty, anybody may read.
        subject_field: For `publishes`, the field that holds the aggregate's id.
    """

    direction: Direction
    peer: str = ""
    subject_field: str = ""


class Message(BaseModel):
    """A message's body. Unknown fields are ignored, so that a publisher may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    contract: ClassVar[Contract]


class Event(Message):
    """Something that happened to an aggregate of the publishing service; anybody may read it in the service's log."""

    def subject(self) -> str:
        """Returns the id of the aggregate that the event is about."""
        return str(getattr(self, type(self).contract.subject_field))


class Command(Message):
    """What a saga asks a participant to do.

    Attributes:
        saga_id: The saga that asks; order holds per saga.
        step: The step's name, with `.compensation` behind it when the step is to be undone.
        attempt: 1, 2, 3 ...; every attempt is a message of its own with the same saga id and step.
        reply_to: The service whose inbox takes the reply.
    """

    saga_id: UUID
    step: str
    attempt: int
    reply_to: str

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
    step: str
    attempt: int
    outcome: Literal["done", "refused"]
    reason: str | None = None


def _declare(contract: Contract) -> Callable[[type[M]], type[M]]:
    def mark(message: type[M]) -> type[M]:
        message.contract = contract
        return message

    return mark


def publishes(*, subject: str) -> Callable[[type[M]], type[M]]:
    """Declares an event of this service. `subject` is the field that holds the aggregate's id."""
    return _declare(Contract("publishes", subject_field=subject))


def reads(source: str) -> Callable[[type[M]], type[M]]:
    """Declares the fields that this service reads of an event of `source`."""
    return _declare(Contract("reads", peer=source))


def sends(to: str) -> Callable[[type[M]], type[M]]:
    """Declares a command that this service's saga sends to the service `to`."""
    return _declare(Contract("sends", peer=to))


def receives(sender: str) -> Callable[[type[M]], type[M]]:
    """Declares the fields that this service reads of a command that `sender`'s saga sends."""
    return _declare(Contract("receives", peer=sender))


def encode(message: Message) -> bytes:
    """Returns the message's JSON body."""
    return message.__pydantic_serializer__.to_json(message, exclude_none=False)
