"""The state messages of a batch of aggregates, the progress of a run, and its pace. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from infirmary.messages import Event


class ToldOfAnother(RuntimeError):
    """An aggregate was told by an event that is about another one: that one's readers would take it for its state."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event that tells state again.

    Attributes:
        event: The event.
        sequence: The last that was given out to its subject.
        still_to_come: How many events tell of the same aggregate from this one on, itself among them.
    """

    event: Event
    sequence: int
    still_to_come: int

    @property
    def ends_subject(self) -> bool:
        """Whether nothing is expected to follow of its aggregate but news of what nobody expects."""
        return self.still_to_come == 1 and self.event.ends_subject()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the aggregates of one kind have been told.

    Attributes:
        kind: Its name.
        began_at: When that was begun, by the database's clock.
        told_to: The key of the last one that was told, as text; None before the first.
        aggregates: How many were told.
        messages: By how many messages.
        done: Whether all of them are.
    """

    kind: str
    began_at: datetime
    told_to: str | None = None
    aggregates: int = 0
    messages: int = 0
    done: bool = False

    def and_then(self, keys: Sequence[object], messages: int, at_most: int) -> "Progress":
        """Returns the progress after a batch, which is the last if it has fewer than it may have."""
        return replace(
            self,
            told_to=str(keys[-1]) if keys else self.told_to,
            aggregates=self.aggregates + len(keys),
            messages=self.messages + messages,
            done=len(keys) < at_most,
        )


def told_of(key: object, events: Iterable[Event], sequences: Mapping[str, int]) -> list[Told]:
    """Returns the state messages of one aggregate, in their order; none of one that has never told anything.

    One that has ended may be forgotten where its numbers were given out: it is told under the first one of a new row.

    Args:
        key: The aggregate's id.
        events: What tells how it is now.
        sequences: The last sequences that were given out, by subject.

    Raises:
        ToldOfAnother: An event has another subject.
    """
    together = list(events)
    subject = str(key)
    for event in together:
        if event.subject() != subject:
            raise ToldOfAnother(f"{type(event).__name__} is about {event.subject()}, and was to tell how {subject} is")
    may_be_forgotten = bool(together) and together[-1].ends_subject()
    last = sequences.get(subject, 1 if may_be_forgotten else None)
    return [] if last is None else [Told(each, last, len(together) - at) for at, each in enumerate(together)]


def pause_s(aggregates: int, rate: float, took_s: float) -> float:
    """Returns how long to wait after a batch, so that no more than `rate` aggregates are told in a second."""
    return max(aggregates / rate - took_s, 0.0)
