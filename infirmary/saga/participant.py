"""A participant's side of a saga: every attempt of a step gets the same answer, and an undone step stays undone."""

from collections.abc import Mapping
from dataclasses import dataclass

from infirmary.declaring.declaration import named
from infirmary.handlers import CommandHandler, Refused
from infirmary.messages import COMPENSATION_SUFFIX, Command, Reply
from infirmary.printable import cleaned

LONGEST_REASON = 500
"""Characters of a refusal's reason that are told to the saga."""


@dataclass(frozen=True, slots=True)
class StoredOutcome:
    """What was answered to a step."""

    step: str
    outcome: str
    reason: str | None


def reply_with(command: Command, outcome: StoredOutcome) -> Reply:
    """Returns what a step's outcome says to the attempt at hand."""
    answered = {"saga_id": command.saga_id, "step": command.step, "attempt": command.attempt}
    return Reply.model_validate({**answered, "outcome": outcome.outcome, "reason": outcome.reason})


def decide(tx: object, command: Command, handler: CommandHandler, known: Mapping[str, StoredOutcome]) -> StoredOutcome:
    """Returns the outcome of a command that has none yet; calls the handler only if there is something to do or undo.

    Args:
        tx: For the handler.
        command: The action or the compensation.
        handler: What does it.
        known: What was answered to the action and to its compensation, by step.

    Raises:
        TypeError: The handler returned neither None nor a refusal: nobody knows what it meant.
    """
    if command.is_compensation():
        action = known.get(command.action_step())
        if action is None or action.outcome != "done":
            return StoredOutcome(command.step, "done", "there was nothing to undo")
    elif command.step + COMPENSATION_SUFFIX in known:
        return StoredOutcome(command.step, "refused", "it was undone before it was asked for")
    refusal = handler(command, tx)
    if isinstance(refusal, Refused):
        return StoredOutcome(command.step, "refused", cleaned(str(refusal.reason))[:LONGEST_REASON])
    if refusal is not None:
        raise TypeError(
            f"{named(handler)} returned {refusal!r:.80}; a command's handler returns None for done, or Refused(...)"
        )
    return StoredOutcome(command.step, "done", None)
