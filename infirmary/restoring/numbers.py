"""Tells what was said after a backup by the numbers that the database has given out. Pure.

A number that the log has and the database has not given out was given out after the backup. So was one that the
database has given out a second time, before anybody saw that it was set back: its row still waits in the outbox, since
the relay of a database that was set back sends nothing. The log's message keeps the number, and the row gets another
one, behind all that was said.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from infirmary.restoring.told import Told


@dataclass(frozen=True, slots=True)
class Unsent:
    """A row of the outbox that waits for the relay.

    Attributes:
        message_id: Its message's.
        counted_as: What its number is counted under.
        sequence: The number.
    """

    message_id: UUID
    counted_as: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Missing:
    """Numbers that were given out and that neither database nor log has: what they told is lost."""

    counted_as: str
    first: int
    last: int


class Numbers:
    """The numbers of some subjects, as one goes through a log from its beginning.

    Attributes:
        taken_on: The last number of each subject that has got on, to be stored.
        again: The rows of the outbox that need another number.
        missing: What the log does not have.
    """

    def __init__(self, last: Mapping[str, int], unsent: Iterable[Unsent]) -> None:
        """Takes what the database holds.

        Args:
            last: The last number given out, by what it is counted under.
            unsent: The rows of these subjects that wait in the outbox.
        """
        self._last = dict(last)
        self._unsent: dict[str, dict[int, UUID]] = defaultdict(dict)
        for row in unsent:
            self._unsent[row.counted_as][row.sequence] = row.message_id
        self.taken_on: dict[str, int] = {}
        self.again: list[UUID] = []
        self.missing: list[Missing] = []

    def was_said_since(self, told: Told) -> bool:
        """Says whether the database does not know of the message; it does from then on.

        To be asked for the messages of a subject in the order of its log.
        """
        subject, number = told.counted_as, told.sequence
        last = self._last.get(subject, 0)
        if number <= last:
            waiting = self._unsent[subject].get(number)
            if waiting is None or waiting == told.message.message_id:
                return False
            self._number_again(subject, number)
        elif number > last + 1:
            self.missing.append(Missing(subject, last + 1, number - 1))
        self._last[subject] = self.taken_on[subject] = number
        return True

    def _number_again(self, subject: str, number: int) -> None:
        """Takes their numbers from the rows from this one on: those of one subject stay in their order."""
        rows = self._unsent[subject]
        for each in sorted(taken for taken in rows if taken >= number):
            self.again.append(rows.pop(each))


def ended_in(since: Iterable[Told], taken_on: Mapping[str, int]) -> dict[str, int]:
    """Returns the last numbers of those subjects that have ended with what was said since the backup."""
    last = {each.counted_as: each for each in since}
    return {subject: taken_on[subject] for subject, each in last.items() if each.message.ends}
