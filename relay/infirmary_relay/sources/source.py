"""What the loop asks of a source, whatever database it stands on."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol

from infirmary_relay.message import Key, Row
from infirmary_relay.problem import Problem, Reason
from infirmary_relay.set_back.comparison import Known
from infirmary_relay.set_back.told import Told


class SourceLostError(Exception):
    """The database is gone or unusable; ownership, floor and what was in flight went with the connection."""

    reason = Reason.SOURCE_AWAY


class OutboxUnusableError(SourceLostError):
    """The database answers, but has no outbox as docs/outbox-contract.md describes it; says what is missing."""

    reason = Reason.OUTBOX_UNUSABLE


class SetBackError(SourceLostError):
    """The database was set back to an earlier moment after rows were read on this connection."""

    reason = Reason.SET_BACK


class HeldBack(NamedTuple):
    """What a fetch leaves out."""

    targets: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()


class Backlog(NamedTuple):
    """What waits in the outbox."""

    messages: int
    """Counted up to a limit, so that a long backlog is not slowed down by counting it."""
    oldest_at: float
    """When the oldest was written, in unix time by the writer's clock; 0 when no time is known."""
    is_deliverable: bool
    """Whether any is in a partition that this relay owns, not held back, and not sent already."""


class Incarnation(Protocol):
    """Which life of a database this is: what it has given out, and whether it was set back to an earlier moment.

    Every method raises SourceLostError when the database is gone.
    """

    def set_back_because(self) -> str | None:
        """In what it was seen that the database was set back, if it is marked so; None when it is not."""

    def mark_set_back(self, because: str) -> None:
        """Marks the database as set back, for all who work with it; one that is marked stays as it is.

        Where that is not allowed, only this relay knows.
        """

    def known(self, told: Sequence[Told]) -> Known:
        """What the database has given out, of the subjects of some messages."""


class Source(Protocol):
    """An outbox, of which this relay owns some partitions as long as the source is connected.

    Every method raises SourceLostError when the database is gone.
    """

    @property
    def partitions(self) -> int:
        """How many partitions this relay owns."""

    @property
    def is_nudged(self) -> bool:
        """Whether a writer has said that there is something new."""

    @property
    def has_more(self) -> bool:
        """Whether the last fetch was cut short."""

    @property
    def poll_s(self) -> float:
        """How long to wait when there was nothing new and nobody nudged."""

    @property
    def watch_s(self) -> float:
        """How long to go on looking after a message, so that writers need not nudge for each."""

    @property
    def identity(self) -> str | None:
        """What tells this database from every other one, for ever; None when the database does not tell."""

    @property
    def logs(self) -> Sequence[str]:
        """The logs that the service has noted that it writes, as they were when the source connected."""

    @property
    def last_error(self) -> Problem | None:
        """What is wrong although the database answers, None when nothing is."""

    @property
    def floor_held_since(self) -> float | None:
        """Since when, by the monotonic clock, one transaction has held the floor, as `backlog` last saw it."""

    @property
    def incarnation(self) -> Incarnation | None:
        """Which life of the database this is; None where it does not tell, and nobody can know of another one."""

    def fileno(self) -> int | None:
        """The descriptor on which a nudge arrives, None when there is none."""

    def drain_notifications(self) -> None:
        """Reads the nudges that have come, without waiting."""

    def heartbeat(self, now: float) -> None:
        """Writes the heartbeat when it is time, takes its share of the partitions and lets go of others; cheap."""

    def fetch(self, held_back: HeldBack, rows: int) -> list[Row]:
        """Deletes what was settled as confirmed, and gives the next messages in order; they are in flight then.

        One that cannot be read or converted comes as well, with the reason in place of its header.
        """

    def ask(self, held_back: HeldBack, rows: int) -> None:
        """Has the database look for what the next `fetch` gives if it asks for the same, while the caller goes on."""

    def present(self, keys: list[Key]) -> AbstractSet[Key]:
        """Which of these messages are still in the outbox, in a partition that this relay owns."""

    def settle(self, confirmed: list[Key], kept: list[Key]) -> None:
        """Notes that these are no longer in flight: the confirmed are deleted soon, the kept fetched again."""

    def flush(self) -> None:
        """Deletes what was settled as confirmed; for when no fetch is coming."""

    def reset_in_flight(self) -> None:
        """Notes that nothing is in flight any more, as the broker's connection was lost."""

    def backlog(self, held_back: HeldBack) -> Backlog | None:
        """Measures what waits; None when that is not possible just now."""

    def created_at(self, row: Row) -> float:
        """When a message that was fetched had been written, in unix time; no finite number when unknown."""

    def drain(self) -> None:
        """Deletes what was confirmed and lets go of all partitions at once."""

    def close(self) -> None:
        """Disconnects without waiting for the server, which may not answer; raises nothing."""
