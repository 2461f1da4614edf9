"""How long the last number of a subject is remembered that has ended. Pure.

A reader forgets it when nothing of the subject can come once more, and its writer only when no reader knows it. Both
are told by the log: what stands first in it was written after whatever the log does not hold any more was applied. A
relay publishes what it has not seen confirmed before what was written later, so copies have expired as well.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, TypeAlias

from infirmary.consumer.position import LATE_BY_S
from infirmary.identifiers import time_of

Beginnings: TypeAlias = Callable[[Collection[str]], Mapping[str, float]]
"""Says of logs and parts when their first message was written, in unix seconds; of some it cannot be said."""

_DAY_S: Final = 86_400.0


def reader_forgets_before(now: float, days: float, began: float, unknown: Iterable[str]) -> float:
    """Returns before when the last message of a subject has to have been applied, in unix seconds.

    Of what began before that a reader takes any number for the next one, so it may not be later than the beginning of
    a subject whose first message is held: that one would be passed.

    Args:
        now: By the reader's clock.
        days: For how long it remembers at least.
        began: When the first message was written that the log still holds.
        unknown: Subjects of which something is held and nothing was applied.
    """
    held_since = [since for subject in unknown if (since := time_of(subject)) is not None]
    return min([now - days * _DAY_S, began - LATE_BY_S, *held_since])


def writer_forgets_before(now: float, days: float, began: float, oldest_waiting: float | None) -> float:
    """Returns before when the last message of a subject has to have been written, in unix seconds.

    Args:
        now: By the writer's clock.
        days: For how long readers remember at least. A message may wait in the outbox for as long and is still not
            taken for one that has expired.
        began: When the first message was written that its log still holds.
        oldest_waiting: When the first message was written that waits in the outbox; None where none does.
    """
    before = min(now - 2 * days * _DAY_S, began - days * _DAY_S - LATE_BY_S)
    return before if oldest_waiting is None else min(before, oldest_waiting - LATE_BY_S)
