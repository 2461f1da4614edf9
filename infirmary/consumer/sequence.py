"""Decides, for one message of a subject, whether it is the next one, an old one or one that came too early. Pure."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple
from uuid import UUID

from infirmary.identifiers import time_in

CLOCKS_DIFFER_S: Final = 1.0
"""By how much the clock of a writer may be ahead of this reader's."""


class Verdict(Enum):
    """What to do with a message."""

    APPLY = "apply"
    DUPLICATE = "duplicate"
    FORGOTTEN = "forgotten"
    WAIT = "wait"
    GIVEN_OUT_TWICE = "given out twice"


class NumberGivenOutTwice(Exception):
    """A message has the number of another one: its writer's database was set back to an earlier moment."""


class Fingerprint(NamedTuple):
    """What tells the last message that was applied of a subject from another one with its number.

    Attributes:
        message_id: Its id.
        applied_at: When it was applied, in unix time by the reader's clock, and not before the time in its id: whatever
            was numbered before it had its id by then, if no clock was wrong.
    """

    message_id: UUID
    applied_at: float


class Last(NamedTuple):
    """The last message of a subject that was applied or passed.

    Attributes:
        sequence: Its number.
        fingerprint: None where it was passed, or applied by a release that noted none.
        ends: Whether its writer expects nothing to follow; told of what has just been applied only.
    """

    sequence: int
    fingerprint: Fingerprint | None = None
    ends: bool = False


@dataclass(slots=True)
class Sequences:
    """The last message applied per subject of one log, as of now.

    Attributes:
        last: What was applied; a subject that is missing was never seen.
        may_start_late: Says of a subject never seen whether its first messages may be gone, so that it may start
            above 1.
        some_are_lost: Whether messages of the log have expired before they were read, so that a gap may never close.
        now: The reader's clock, in unix time.
        may_be_forgotten: Says of a subject that is missing whether it may have been forgotten after its end, so that it
            may go on above 1.
    """

    last: dict[str, Last]
    may_start_late: Callable[[str], bool]
    some_are_lost: bool = False
    now: float = 0.0
    may_be_forgotten: Callable[[str], bool] = lambda _: False

    def judge(self, subject: str, sequence: int, message_id: UUID) -> Verdict:
        """Says what to do with the message that has this sequence and id."""
        last = self.last.get(subject)
        if last is None:
            return Verdict.APPLY if sequence == 1 or self.starts_late(subject) else Verdict.WAIT
        if sequence <= last.sequence:
            return Verdict.GIVEN_OUT_TWICE if _is_another(last, sequence, message_id) else Verdict.DUPLICATE
        return Verdict.APPLY if sequence == last.sequence + 1 else Verdict.WAIT

    def last_of(self, subject: str) -> int:
        """Returns the last sequence applied of a subject; 0 for one that was never seen."""
        last = self.last.get(subject)
        return 0 if last is None else last.sequence

    def judge_state(self, subject: str, sequence: int, held: Collection[int]) -> Verdict:
        """Says what to do with a state message: whoever gets along without it needs none.

        It is applied for a subject that was never seen, and to jump a gap that cannot close; its subject then goes on
        behind the sequence that it stands for. It is also applied to one that may have started late, and so lacks what
        its first messages told, where it stands for the last that was applied. Otherwise it is dropped; of a subject
        that was forgotten its number is known again from then on.

        Args:
            subject: What it is about.
            sequence: What it stands for.
            held: The sequences of what is held of the subject. Where the next one is among them the subject goes on by
                itself, as soon as that one can be applied.
        """
        is_known, last = subject in self.last, self.last_of(subject)
        if is_known and sequence <= last:
            fills_in = sequence == last and self.may_start_late(subject)
            return Verdict.APPLY if fills_in else Verdict.DUPLICATE
        if last + 1 in held:
            return Verdict.DUPLICATE
        if not is_known and self._was_forgotten(subject):
            return Verdict.FORGOTTEN
        return Verdict.APPLY if not is_known or self.some_are_lost else Verdict.DUPLICATE

    def starts_late(self, subject: str) -> bool:
        """Says whether the subject was never seen and may start above 1."""
        return subject not in self.last and (self.may_start_late(subject) or self.may_be_forgotten(subject))

    def applied(self, subject: str, sequence: int, message_id: UUID, *, ends: bool = False) -> None:
        """Notes that the message was applied, or is not waited for."""
        applied_at = max(self.now, time_in(message_id) or 0.0)
        self.last[subject] = Last(sequence, Fingerprint(message_id, applied_at), ends)

    def ended_again(self, subject: str, sequence: int) -> bool:
        """Notes that the message that ended a subject came once more; says whether it is still the last.

        As long as a log holds it, it may come again, and its number has to be known.
        """
        last = self.last.get(subject)
        if last is None or last.sequence != sequence:
            return False
        self.last[subject] = Last(last.sequence, last.fingerprint, ends=True)
        return True

    def _was_forgotten(self, subject: str) -> bool:
        """Says whether a subject that is not known was: whoever has had all that there was has had all of this one."""
        return self.may_be_forgotten(subject) and not self.may_start_late(subject) and not self.some_are_lost

    def passed(self, subject: str, sequence: int, *, ends: bool = False) -> None:
        """Notes that nobody waits for the messages up to a sequence."""
        self.last[subject] = Last(sequence, ends=ends)


def _is_another(last: Last, sequence: int, message_id: UUID) -> bool:
    """Says whether a message that has an old number is none that had it before.

    The last number has one id. A lower one is another's when its id is younger than the time at which the last was
    applied here: what had that number first was older than that.
    """
    if last.fingerprint is None:
        return False
    if sequence == last.sequence:
        return message_id != last.fingerprint.message_id
    made_at = time_in(message_id)
    return made_at is not None and made_at > last.fingerprint.applied_at + CLOCKS_DIFFER_S
