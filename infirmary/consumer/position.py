"""The position of a reader in a log, and the check that the log is still the one it knew. Pure."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log was read.

    Attributes:
        first_offset: The first offset that the log had when it was read from its beginning; above 0 its beginning
            had expired.
        last_offset: The last message applied; None before the first.
        last_message_id: That message's id, to know the log again by.
        earlier_expired: Whether the beginning had expired of a part where this one's subjects were before it was there.
    """

    first_offset: int | None = None
    last_offset: int | None = None
    last_message_id: UUID | None = None
    earlier_expired: bool = False

    @property
    def beginning_expired(self) -> bool:
        """Whether the log's first messages were gone when it was read from its beginning."""
        return self.earlier_expired or (self.first_offset or 0) > 0


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
