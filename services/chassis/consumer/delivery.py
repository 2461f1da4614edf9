"""What the broker hands to a consumer, before anybody has looked into it."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

from services.chassis.envelope import Incoming, MalformedMessage, incoming, printable

_MALFORMED = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
"""Name space for the ids of messages that have none of their own."""


@dataclass(frozen=True)
class Delivery:
    """A message as the broker delivered it.

    Attributes:
        properties: AMQP properties by py-amqp's names.
        body: The bytes.
        tag: The delivery tag on its channel.
        offset: The place in the log; None for a queue.
    """

    properties: dict[str, Any]
    body: bytes
    tag: int
    offset: int | None = None

    @cached_property
    def message(self) -> Incoming | MalformedMessage:
        """The message, or what is wrong with its attributes."""
        try:
            return incoming(self.properties, self.body)
        except MalformedMessage as malformed:
            return malformed

    @cached_property
    def identity(self) -> UUID:
        """The message's id, or one made from its content where it has none, to know a second delivery again."""
        if isinstance(self.message, Incoming):
            return self.message.message_id
        return uuid5(_MALFORMED, repr(sorted(printable(self.properties).items())) + sha256(self.body).hexdigest())
