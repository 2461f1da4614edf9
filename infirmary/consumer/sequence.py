"""Decides, for one message of a subject, whether it is the next one, an old one or one that came too early. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What to do with a message."""

    APPLY = "apply"
    DUPLICATE = "duplicate"
    WAIT = "wait"


@dataclass(slots=True)
class Sequences:
    """The last sequence applied per subject of one log, as of now.

    Attributes:
        last: What was applied; a subject that is missing was never seen.
        may_start_late: Says of a subject never seen whether its first messages may be gone, so that it may start
            above 1.
    """

    last: dict[str, int]
    may_start_late: Callable[[str], bool]

    def judge(self, subject: str, sequence: int) -> Verdict:
        """Says what to do with the message that has this sequence."""
        last = self.last.get(subject)
        if last is None:
            return Verdict.APPLY if sequence == 1 or self.may_start_late(subject) else Verdict.WAIT
        if sequence <= last:
            return Verdict.DUPLICATE
        return Verdict.APPLY if sequence == last + 1 else Verdict.WAIT

    def starts_late(self, subject: str) -> bool:
        """Says whether the subject was never seen and may start above 1."""
        return subject not in self.last and self.may_start_late(subject)

    def applied(self, subject: str, sequence: int) -> None:
        """Notes that the message was applied, or is not waited for."""
        self.last[subject] = sequence
