"""Decides, for one event of a subject, whether it is the next one, an old one or one that came too early. Pure."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """What to do with an event."""

    APPLY = "apply"
    DUPLICATE = "duplicate"
    WAIT = "wait"


class Subject(NamedTuple):
    """An aggregate of a service: the scope of a sequence."""

    source: str
    subject: str


@dataclass(slots=True)
class Sequences:
    """The last sequence applied per subject, as of now.

    Attributes:
        last: What was applied; a subject that is missing was never seen.
        beginning_expired: The log no longer holds its first messages, so a subject never seen may start above 1.
    """

    last: dict[Subject, int]
    beginning_expired: bool = False

    def judge(self, subject: Subject, sequence: int) -> Verdict:
        """Says what to do with the event that has this sequence."""
        last = self.last.get(subject)
        if last is None:
            return Verdict.APPLY if sequence == 1 or self.beginning_expired else Verdict.WAIT
        if sequence <= last:
            return Verdict.DUPLICATE
        return Verdict.APPLY if sequence == last + 1 else Verdict.WAIT

    def is_first_of_expired(self, subject: Subject) -> bool:
        """Says whether the subject was never seen because the log's beginning has expired."""
        return self.beginning_expired and subject not in self.last

    def applied(self, subject: Subject, sequence: int) -> None:
        """Notes that the event was applied."""
        self.last[subject] = sequence
