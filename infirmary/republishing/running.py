"""One run of telling all again: batch after batch, at a pace, until every kind is done and the last word is said."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from infirmary.republishing.declaration import Kind
from infirmary.republishing.telling import Progress, pause_s

BATCH: Final = 100
"""So many aggregates are told in one transaction: whoever changes one of them waits for it, some milliseconds."""

TELL_EVERY_S: Final = 5.0
WAIT_S: Final = 0.5
"""How often it is looked whether the relay has published everything."""


class Republisher(Protocol):
    """A service's database, whose state is told through its outbox."""

    def check_incarnation(self) -> None:
        """Looks whether the database was set back: the state of an earlier moment is not told as that of now.

        Raises:
            DatabaseSetBack: It is marked so.
        """
        ...

    def progress(self) -> dict[str, Progress]:
        """Returns how far the kinds of a run have come that has not ended."""
        ...

    def begin(self, kind: Kind) -> Progress:
        """Notes that the aggregates of a kind are told from the first on."""
        ...

    def total(self, kind: Kind) -> int:
        """Returns how many aggregates there are, or about how many."""
        ...

    def tell(self, kind: Kind, progress: Progress, at_most: int) -> Progress:
        """Writes the state messages of the next aggregates and how far that has come, all of it or nothing."""
        ...

    def waiting(self) -> int:
        """Returns how many messages the relay has not published."""
        ...

    def finish(self, kinds: Sequence[str], last_word: datetime | None) -> None:
        """Ends a run.

        Args:
            kinds: Those whose progress is forgotten.
            last_word: Since when all has been told, for readers that wait for that; None where not all was.
        """
        ...


Say = Callable[[str], None]


def run(republisher: Republisher, kinds: Sequence[Kind], rate: float, say: Say, *, all_kinds: bool) -> None:
    """Tells the aggregates of some kinds; goes on where a run before was ended.

    Args:
        republisher: The database.
        kinds: What is told, in this order.
        rate: How many aggregates a second, at the most.
        say: Takes sentences about the progress.
        all_kinds: Whether these are all kinds that the service has.

    Raises:
        DatabaseSetBack: The database is marked as set back; nothing is told from then on.
    """
    republisher.check_incarnation()
    known = republisher.progress()
    for kind in kinds:
        progress = known.get(kind.name)
        if progress is not None:
            say(f"{kind.name}: goes on behind {progress.aggregates} that were told since {progress.began_at:%H:%M:%S}.")
        known[kind.name] = _tell_all(republisher, kind, progress or republisher.begin(kind), rate, say)
    began_at = min(known[kind.name].began_at for kind in kinds)
    if all_kinds:
        _wait_for_the_relay(republisher, say)
    republisher.check_incarnation()
    republisher.finish([kind.name for kind in kinds], began_at if all_kinds else None)
    say(f"Done: {_sum(known, kinds)}.")


def _tell_all(republisher: Republisher, kind: Kind, progress: Progress, rate: float, say: Say) -> Progress:
    total, began, before = republisher.total(kind), time.monotonic(), progress.aggregates
    say_at = began + TELL_EVERY_S
    while not progress.done:
        batch_began, told = time.monotonic(), progress.aggregates
        republisher.check_incarnation()
        progress = republisher.tell(kind, progress, BATCH)
        now = time.monotonic()
        if now >= say_at or progress.done:
            say_at = now + TELL_EVERY_S
            say(_line(progress, total, (progress.aggregates - before) / max(now - began, 0.001)))
        if not progress.done:
            time.sleep(pause_s(progress.aggregates - told, rate, now - batch_began))
    return progress


def _wait_for_the_relay(republisher: Republisher, say: Say) -> None:
    """Waits until all is in the logs: readers are to find the last word behind everything else."""
    say_at = time.monotonic() + TELL_EVERY_S
    while waiting := republisher.waiting():
        republisher.check_incarnation()  # its relay publishes nothing then
        if time.monotonic() >= say_at:
            say_at += TELL_EVERY_S
            say(f"All is written; the relay has {waiting} messages to publish before the last word is said.")
        time.sleep(WAIT_S)


def _line(progress: Progress, total: int, per_s: float) -> str:
    left_s = max(total - progress.aggregates, 0) / per_s if per_s else 0.0
    end = "done" if progress.done else f"{per_s:.0f} a second, about {left_s:.0f} s left"
    return f"{progress.kind}: {progress.aggregates} of {max(total, progress.aggregates)} told; {end}."


def _sum(known: Mapping[str, Progress], kinds: Sequence[Kind]) -> str:
    told = [known[kind.name] for kind in kinds]
    return f"{sum(each.aggregates for each in told)} aggregates told by {sum(each.messages for each in told)} messages"
