"""The position of a reader in a log, and the check that the log is still the one it knew. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from infirmary.consumer.loss import Loss

LATE_BY_S: Final = 600.0
"""A message may come into its log by so much later than others that were written after it, without being returned.

Its time is that of its writing in a transaction, which may go on for long.
"""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log was read.

    Attributes:
        first_offset: The first offset that the log had when it was read from its beginning; above 0 its beginning
            had expired.
        last_offset: The last message applied; None before the first.
        last_message_id: That message's id, to know the log again by.
        complete_since: When the first message was written that this reader could read, where those before it were gone,
            in this log or in a part where its subjects were before; None where none was.
        loss: What has expired of the log before it was read, and is not settled.
        forgotten_before: Subjects that began before that may have ended and be forgotten; None where none may.
    """

    first_offset: int | None = None
    last_offset: int | None = None
    last_message_id: UUID | None = None
    complete_since: datetime | None = None
    loss: Loss | None = None
    forgotten_before: datetime | None = None

    def has_all_of(self, began: float | None) -> bool:
        """Says whether none of a subject's messages can have been gone before this reader came to read them.

        Args:
            began: When the subject began, in unix seconds; None where nobody knows.
        """
        if self.complete_since is None:
            return True
        return began is not None and began > self.complete_since.timestamp() + LATE_BY_S

    def may_have_forgotten(self, began: float | None) -> bool:
        """Says whether a subject that is not known here may have been, and have ended.

        Args:
            began: When the subject began, in unix seconds; None where nobody knows: such a one is not forgotten.
        """
        return began is not None and self.forgotten_before is not None and began < self.forgotten_before.timestamp()

    def begun_at(self, offset: int, written: datetime) -> "Position":
        """Returns the position of a reader whose first message is this one, of a log or behind what was lost of it."""
        if offset == 0:
            return replace(self, first_offset=0)
        since = written if self.complete_since is None else max(written, self.complete_since)
        return replace(self, first_offset=offset, complete_since=since)


Recognition = Literal["known", "go on", "start over"]


def recognise(position: Position, offset: int, identity: UUID) -> Recognition:
    """Compares the first message that came after subscribing at the stored offset with the one noted.

    Returns:
        `known`: it is the one that was applied last, to be skipped. `go on`: it is to be applied; either nothing was
        read before, or retention has removed what was. `start over`: the log is not the one that was read, for example
        because it was deleted and declared again; read from its first message, `sequence` drops what was applied.
    """
    if position.last_offset is None or offset > position.last_offset:
        return "go on"
    if offset == position.last_offset and identity == position.last_message_id:
        return "known"
    return "start over"


def recognise_end(position: Position, end_offset: int) -> Recognition:
    """The same from the log's last message: a log that ends before the stored offset is another one."""
    return "start over" if position.last_offset is not None and end_offset < position.last_offset else "known"
