"""The numbers of held messages of a channel, by state. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PARKED: Final = "parked"
WAITING: Final = "waiting"
STATES: Final = (PARKED, WAITING)
"""One that has failed, and one that waits for another message or for a lock."""


@dataclass(frozen=True, slots=True)
class HeldNow:
    """How much is held of a channel; a state without messages may be left out.

    Attributes:
        messages: How many, by state.
        oldest: Since when the oldest of them, in unix time.
    """

    messages: Mapping[str, int]
    oldest: Mapping[str, float]

    @property
    def total(self) -> int:
        """How many are held in any state."""
        return sum(self.messages.values())
