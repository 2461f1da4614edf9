"""The choice of held messages to try now: a bounded look in each turn, however many are held. Pure."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from infirmary.consumer.fairness import fairly

if TYPE_CHECKING:
    from infirmary.consumer.parked import ParkedMessage

LOOKED_AT_ONCE: Final = 2000
"""While a log is being split many messages may wait at once, and any of them may be the next."""

TRIED_AT_ONCE: Final = 200

FRESH_S: Final = 60.0
"""A message that has waited no longer than this may well wait for one that another process is about to apply."""

LOOK_AGAIN_WITHIN_S: Final = 600.0
"""When one is looked at again, at the latest, that waits for another; whoever applies that one wakes it."""


@dataclass(frozen=True, slots=True)
class Due:
    """A held message whose time has come, without its content.

    Attributes:
        id: Its number or UUID; grows.
        subject: What it is about; None when that cannot be read.
        sequence: Its place in the subject's order; None for one without.
        attempts: How often it has failed.
        retry_at: Since when it is due.
        failed: Whether it has failed before, or only waited.
        waited_s: For how long it has been held.
        last: The last sequence of its subject that was applied; 0 for none.
    """

    id: int | UUID
    subject: str | None
    sequence: int | None
    attempts: int
    retry_at: datetime
    failed: bool
    waited_s: float
    last: int


@dataclass(frozen=True, slots=True)
class Choice:
    """What is done with the messages looked at.

    Attributes:
        tried: The ids of those that are tried now, in this order.
        early: Those whose predecessor is still to come, each with the seconds after which to look again; none if there
            are so few that they may be looked at in each turn.
    """

    tried: list[int | UUID]
    early: dict[int | UUID, float]


def choose(looked_at: Sequence[Due], at_most: int) -> Choice:
    """Chooses among messages in the order of their sequences.

    Of those that have failed before at most so many; those that only waited are as good as new ones. Their predecessor
    was applied, or is one that comes before them here: many of one subject may have waited for one in another part of
    the log. Where there are too many to be looked at together, those that have waited for long are so more rarely.
    """
    failed = [due.id for due in fairly(due for due in looked_at if due.failed)[:at_most]]
    tried, early = list(failed), {}
    among_them, last = frozenset(failed), dict[str | None, int]()
    for due in looked_at:
        known = last.setdefault(due.subject, due.last)
        if due.failed and due.id not in among_them:
            continue
        if due.failed or due.sequence is None or due.sequence <= known + 1:
            if not due.failed:
                tried.append(due.id)
            last[due.subject] = max(known, due.sequence or 0)
        else:
            early[due.id] = 1.0 if due.waited_s < FRESH_S else min(due.waited_s / 8, LOOK_AGAIN_WITHIN_S)
    return Choice(tried[:TRIED_AT_ONCE], early if len(looked_at) >= LOOKED_AT_ONCE else {})


def in_time(due: Iterable["ParkedMessage"], until: float) -> Iterator["ParkedMessage"]:
    """Gives the messages that are tried; once the time is up, of those that have failed before only the first."""
    some_failed = False
    for held in due:
        if held.error is None or not some_failed or time.monotonic() < until:
            some_failed = some_failed or held.error is not None
            yield held
