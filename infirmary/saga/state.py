"""How far a saga is, step by step, by the steps' names; as databases have it, too. Pure."""

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from infirmary.saga.definition import FIRST_VERSION, asked_as

Status = Literal["running", "compensating", "completed", "failed", "parked"]
StepProgress = Literal["waiting", "running", "done", "refused", "in doubt", "compensating", "compensated"]

_NO_PLACE: Final = 1_000_000
"""A place in the list of steps that no saga has."""


class StepState(BaseModel):
    """How far a step is, and since when."""

    model_config = ConfigDict(frozen=True)
    name: str
    state: StepProgress = "waiting"
    at: datetime | None = None


class SagaState(BaseModel):
    """How far a saga is.

    Attributes:
        status: What an outsider sees.
        reason: Why it is being undone, has failed or is parked; None when all is well.
        failure: Why it is being undone; `reason` goes back to it when a parked saga goes on.
        undoing: The direction; also tells where a parked saga goes on.
        current_step: The name of the step that is asked for now; databases have it as `step`.
        attempt: How often the current step was asked for.
        current_since: When it was asked for first; databases have it as `hand_since`.
        caused_by: The id of the message or request that has led to this; what a timer causes later goes back to it.
        tracestate: What others had added to the trace that it began in; what a timer causes carries it on.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)
    status: Status = "running"
    reason: str | None = None
    failure: str | None = None
    steps: tuple[StepState, ...]
    undoing: bool = False
    current_step: str = Field(alias="step")
    attempt: int = 0
    current_since: datetime | None = Field(default=None, alias="hand_since")
    caused_by: str | None = None
    tracestate: str = ""

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, found: Any) -> Any:
        """Reads what releases that knew no versions have stored: the current step by its place."""
        if not isinstance(found, dict) or "hand" not in found or "step" in found:
            return found
        place, steps = found["hand"], found.get("steps", ())
        if not 0 <= place < len(steps):
            raise ValueError(f"the current step is number {place} of {len(steps)}")
        return {**found, "step": steps[place]["name"]}

    def stored(self, version: int) -> dict[str, Any]:
        """Returns it as JSON, as databases have it.

        Releases that know no versions find the current step by its place, `hand`. Sagas of the first version they may
        carry on. Of later ones they would ask for whatever stands in that place in their own list, so there it is one
        that no list has: they fail over it, change nothing, and the saga waits for a release that knows its version.
        """
        names = [step.name for step in self.steps]
        place = names.index(self.current_step) if version == FIRST_VERSION else _NO_PLACE
        return {**self.model_dump(mode="json", by_alias=True), "hand": place}

    def has_ended(self) -> bool:
        """Says whether nothing can happen to it any more."""
        return self.status in ("completed", "failed")

    def asked_for(self) -> str:
        """Returns the current step as commands and replies carry it."""
        return asked_as(self.current_step, self.undoing)
