"""Tells a saga whose sequence its reader has forgotten, as it may, from one whose messages it has not applied."""

from collections.abc import Collection
from uuid import UUID

LEAST_REMEMBERED_S = 86_400.0
"""The shortest time that SAGA_SEQUENCE_DAYS allows."""


def forgotten(subject: str, remembered: Collection[str], at: float) -> bool:
    """Says whether a saga is one that a reader may have forgotten: they are forgotten by age, the oldest first.

    Args:
        subject: The saga's id.
        remembered: Those of which the reader remembers a sequence in the same log.
        at: The time of looking, in unix time.
    """
    began_at = _began_at(subject)
    return (
        began_at is not None
        and at - began_at > LEAST_REMEMBERED_S
        and all(subject < each for each in remembered if _began_at(each) is not None)
    )


def _began_at(subject: str) -> float | None:
    """Returns when a saga began, by the time in its id, in unix time; None for an id that tells none."""
    try:
        saga_id = UUID(subject)
    except ValueError:
        return None
    return (saga_id.int >> 80) / 1000 if saga_id.version == 7 else None
