"""A message that a service has said, as its own log has it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from infirmary.access.records import AccessRecorded
from infirmary.consumer.delivery import Delivery
from infirmary.messages import Reply
from infirmary.transport.envelope import Incoming, counted_in
from infirmary.transport.log_names import parsed

STATE_HEADER = "state"
"""The header of a message that tells a state once more: it has the number of the message that it stands for."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message in a log of the service's own.

    Attributes:
        message: The message.
        log: The log, or the part of one.
        sequence: Its number.
        causation_id: The message that it answered; None where a request or a timer has caused it.
    """

    message: Incoming
    log: str
    sequence: int
    causation_id: UUID | None

    @property
    def counted_as(self) -> str:
        """What the outbox counts its number under."""
        return counted_under(self.log, self.message.subject)

    @property
    def is_event(self) -> bool:
        """Whether everybody was told."""
        return not parsed(self.log).of_commands

    @property
    def is_reply(self) -> bool:
        """Whether it answers a saga of somebody else's."""
        return not self.is_event and self.message.type == Reply.__name__

    @property
    def is_of_access(self) -> bool:
        """Whether it tells the record of access, from which no state is made."""
        return not self.is_event and self.message.type == AccessRecorded.__name__


def counted_under(log: str, subject: str) -> str:
    """Returns what the numbers of a subject are counted under, in a log or a part of one."""
    name = parsed(log)
    return counted_in(name.log, subject) if name.of_commands else subject


def told_in(log: str, delivery: Delivery) -> Told | None:
    """Returns what a delivery of a log of the service's own says; None for what has no number in it.

    That is a state told once more, and whatever was not written by the service's outbox.
    """
    message, headers = delivery.message, delivery.properties.get("application_headers")
    if not isinstance(message, Incoming) or not isinstance(headers, Mapping) or headers.get(STATE_HEADER):
        return None
    if message.source != parsed(log).writer or message.sequence is None:
        return None
    return Told(message, log, message.sequence, _uuid(headers.get("causation_id")))


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text))
    except ValueError:
        return None
