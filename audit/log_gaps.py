"""What is missing in a log. Pure: told of each message in the log's order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from audit.facts import LogMessage
from audit.log_parts import writer_of


@dataclass(slots=True)
class _Subject:
    """How far a subject's sequence is whole, and what has come beyond that."""

    whole_to: int
    beyond: set[int] = field(default_factory=set)

    @property
    def missing(self) -> int:
        """How many are missing below the highest."""
        return max(self.beyond) - self.whole_to - len(self.beyond) if self.beyond else 0


@dataclass(slots=True)
class LogGaps:
    """What is missing in one log, which is told of each message in the log's order.

    Attributes:
        stem: Which log that is.
        missing: How many sequences are missing now.
        repeated: How many messages came again.
        early: How many came before one that they follow.
        unnumbered: How many are not its writer's, or carry no sequence.
    """

    stem: str
    missing: int = 0
    repeated: int = 0
    early: int = 0
    unnumbered: int = 0
    _beginning_expired: bool = False
    _parts: set[int] = field(default_factory=set)
    _subjects: dict[str, _Subject] = field(default_factory=dict)

    @property
    def subjects(self) -> int:
        """How many subjects were seen."""
        return len(self._subjects)

    def note(self, message: LogMessage) -> None:
        """Takes in the next message."""
        if message.part not in self._parts:
            self._parts.add(message.part)
            self._beginning_expired = self._beginning_expired or message.offset > 0
        if message.sequence is None or message.source != writer_of(self.stem):
            self.unnumbered += 1
            return
        subject = self._subjects.get(message.subject)
        if subject is None:
            # Where retention has removed a log's beginning, a subject may start anywhere.
            subject = _Subject(message.sequence - 1 if self._beginning_expired else 0)
            self._subjects[message.subject] = subject
        before = subject.missing
        self._take(subject, message.sequence)
        self.missing += subject.missing - before

    def whose_are_missing(self) -> Mapping[str, Sequence[int]]:
        """Returns the missing sequences by subject."""
        return {
            name: sorted(set(range(subject.whole_to + 1, max(subject.beyond))) - subject.beyond)
            for name, subject in self._subjects.items()
            if subject.missing
        }

    def _take(self, subject: _Subject, sequence: int) -> None:
        if sequence <= subject.whole_to or sequence in subject.beyond:
            self.repeated += 1
            return
        if sequence > subject.whole_to + 1:
            self.early += 1
        subject.beyond.add(sequence)
        while subject.whole_to + 1 in subject.beyond:
            subject.whole_to += 1
            subject.beyond.remove(subject.whole_to)
