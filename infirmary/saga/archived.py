"""Where an old saga is to be looked for, by the time in its id, a UUID of version 7. Pure."""

import time
from typing import Final
from uuid import UUID

from infirmary.identifiers import time_of

LEAST_DAYS: Final = 1
"""The shortest time that SAGA_ARCHIVE_AFTER_DAYS allows."""

_DAY_S: Final = 86_400.0


class SagaForgotten(RuntimeError):
    """A command is for a saga so old that nobody knows any more what was answered to it."""

    def __init__(self, saga_id: UUID, step: str, kept_days: float) -> None:
        super().__init__(
            f"step {step} of saga {saga_id} began more than {kept_days:g} days ago: whether it was done before is not"
            " known here any more, so a person has to say what is to be done"
        )


def may_be_archived(saga_id: UUID) -> bool:
    """Says whether a saga can have been archived; half a day is left for clocks that differ."""
    age_s = _age_s(saga_id)
    return age_s is not None and age_s > LEAST_DAYS * _DAY_S / 2


def is_forgotten(saga_id: UUID, kept_days: float) -> bool:
    """Says whether what was answered to a saga may have been dropped."""
    age_s = _age_s(saga_id)
    return age_s is not None and age_s > kept_days * _DAY_S


def _age_s(saga_id: UUID) -> float | None:
    began = time_of(str(saga_id))
    return None if began is None else time.time() - began
