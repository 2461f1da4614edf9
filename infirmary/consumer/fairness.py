"""The choice of failed messages to try first, where there are more than a turn has time for. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol, TypeVar


class Failed(Protocol):
    """A message that has failed before and is due."""

    @property
    def id(self) -> Any:
        """What tells it from the others; grows."""

    @property
    def attempts(self) -> int:
        """How often it has failed."""

    @property
    def retry_at(self) -> datetime:
        """Since when it is due."""


F = TypeVar("F", bound=Failed)


def fairly(failed: Iterable[F]) -> list[F]:
    """Returns messages in the order of trying: in turn the one that has failed least and the one due for longest.

    So one that has just failed, and may well succeed in a moment, waits for no heap of those that fail for ever; and
    none of the heap is forgotten, however many fail anew.
    """
    longest_due = sorted(failed, key=lambda each: (each.retry_at, each.id))
    failed_least = sorted(longest_due, key=lambda each: each.attempts)
    pairs = zip(failed_least, longest_due, strict=True)
    return list({each.id: each for pair in pairs for each in pair}.values())
