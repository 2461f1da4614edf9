"""What becomes of a message that was said after the backup, by its kind, in words for an operator. Pure."""

from dataclasses import dataclass
from typing import Final

from infirmary.access.records import AccessRecorded
from infirmary.messages import Reply
from infirmary.restoring.declaration import Restoring
from infirmary.transport.log_names import parsed
from infirmary.transport.state_messages import LAST_WORD

OF_AN_UNKNOWN_SAGA: Final = " of an unknown saga"
"""Stands behind the type of what tells of a saga whose beginning no event tells."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done with the messages of one kind.

    Attributes:
        is_made_again: Whether the state is, after it, as it was before the database was set back.
        words: What is done, or why nothing is.
    """

    is_made_again: bool
    words: str


def treatment_of(restoring: Restoring, log: str, message_type: str) -> Treatment:
    """Returns what is done with the messages of a type in a log of the service's own.

    Args:
        restoring: What the service declares.
        log: The log, or a part of it.
        message_type: The type.
    """
    if message_type.endswith(OF_AN_UNKNOWN_SAGA):
        return Treatment(False, "CANNOT BE MADE AGAIN: no event tells that the saga has begun, so nobody carries it on")
    if parsed(log).of_commands:
        is_reply = message_type == Reply.__name__
        if message_type == AccessRecorded.__name__:
            return Treatment(True, "changes nothing here: it is on record, and its number is not given out again")
        return Treatment(True, "the answer is kept" if is_reply else "the saga is where it was when it asked")
    told = [
        f"saga {saga.saga.name} {verb}"
        for saga in restoring.sagas.values()
        for event, verb in ((saga.begins, "begins"), (saga.completes, "is completed"), (saga.fails, "has failed"))
        if event is not None and event.__name__ == message_type
    ]
    if message_type in restoring.events:
        told.insert(0, "the change is made again")
    if told:
        return Treatment(True, ", ".join(told))
    if message_type == LAST_WORD:
        return Treatment(True, "changes nothing here: it says that all state had been told once more")
    because = restoring.unchanging.get(message_type)
    if because is not None:
        return Treatment(True, f"changes nothing here: {because}")
    return Treatment(False, f"CANNOT BE MADE AGAIN: restoring.py of {restoring.service} has no function for it")
