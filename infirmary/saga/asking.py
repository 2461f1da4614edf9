"""Makes a step's command of what a saga knows. Pure."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from infirmary.messages import Command
from infirmary.saga.advance import Ask
from infirmary.saga.definition import Saga, Step


class CannotAsk(ValueError):
    """The saga's data do not make the command, for example because the saga began before a release that changed it."""


def command_for(saga: Saga[Any], ask: Ask, saga_id: UUID, data: Mapping[str, Any], reply_to: str) -> Command:
    """Returns the command that asks for a step, or for its compensation.

    Args:
        saga: The declaration.
        ask: The step, the direction and the attempt.
        saga_id: The saga.
        data: What the saga knows, as JSON.
        reply_to: The service that orchestrates it.

    Raises:
        CannotAsk: The command lacks a field, or a field is of the wrong kind; the text names it.
    """
    kind = kind_of(ask.step, ask.undo)
    asked = {"step": ask.step.asked_as(ask.undo), "attempt": ask.attempt, "saga_id": saga_id, "reply_to": reply_to}
    try:
        # By the model of the data, which fills in what has a default and was not there yet when the saga began.
        known = saga.data.model_validate(data).model_dump(mode="json")
        return kind.model_validate({**known, **asked})
    except ValidationError as invalid:
        wrong = [
            f"{'.'.join([invalid.title, *map(str, each['loc'])])}: {each['msg']}"
            for each in invalid.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise CannotAsk(f"{'; '.join(wrong)}; the saga's data do not hold it") from None


def kind_of(step: Step, undo: bool) -> type[Command]:
    """Returns the class of the command that does or undoes a step.

    Raises:
        CannotAsk: There is nothing that undoes it (any more).
    """
    kind = step.compensation if undo else step.command
    if kind is None:
        raise CannotAsk(f"step {step.name} has no compensation")
    return kind
