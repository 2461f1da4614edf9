"""What the consumer's loop needs of a service's database; PostgreSQL and MongoDB each have one."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.chassis.consumer.delivery import Delivery
from services.chassis.consumer.position import Position


class ReaderReplaced(RuntimeError):
    """Another reader has moved the offset: this one has lost its log and must start its session again."""


class Ledger(Protocol):
    """Applies messages and records how far that has come, together.

    Every method may raise an error that `is_transient` knows; the batch is then to be tried again.
    """

    def is_transient(self, error: BaseException) -> bool:
        """Says whether the same work may succeed later without any change."""
        ...

    def own(self, log: str) -> bool:
        """Tries to become the one active reader of a log."""
        ...

    def let_go(self, log: str) -> None:
        """Stops being the reader of a log, if this one is."""
        ...

    def rank(self) -> tuple[int, int]:
        """Returns this reader's place among the service's live ones that share out parts of logs, and how many live.

        Whoever asks is one of them from then on, for as long as its session lives.
        """
        ...

    def note_log(self, log: str) -> None:
        """Notes that there is a log, or a part of one, so that all readers of the service know it by `offsets`."""
        ...

    def position(self, log: str) -> Position:
        """Returns how far a log was read."""
        ...

    def offsets(self) -> dict[str, int | None]:
        """Returns the stored offset of every log and part that is known; also keeps an idle session alive."""
        ...

    def start_over(self, log: str) -> Position:
        """Forgets how far a log was read, keeping what is known of its subjects."""
        ...

    def apply_log(self, log: str, deliveries: Sequence[Delivery], position: Position) -> Position:
        """Applies deliveries of a log in their order and moves its offset behind the last.

        Raises:
            ReaderReplaced: The offset is not where this reader left it.
        """
        ...

    def apply_inbox(self, queue: str, deliveries: Sequence[Delivery]) -> None:
        """Applies commands and replies that are not in the inbox yet."""
        ...

    def retry_held(self, channel: str, at_most: int, until: float) -> int:
        """Tries what is parked or waits in a channel and is due.

        Args:
            channel: A log or the inbox.
            at_most: So many of those that have failed before.
            until: And of those none after this, by the monotonic clock, but for the first.

        Returns:
            How many need nothing more.
        """
        ...

    def holds(self, channel: str) -> bool:
        """Says whether messages of a channel are parked or wait."""
        ...

    def tend(self) -> None:
        """Does what is due by the clock: saga timeouts, leases."""
        ...

    def forget_old(self, at_most: int) -> Mapping[str, int]:
        """Forgets rows that are too old, at most so many of each table; returns how many it has found, by table."""
        ...

    def identity(self) -> str:
        """Returns what tells this database from any other that a service of the same name may have."""
        ...

    def close(self) -> None:
        """Ends the connection, and with it the ownership of all logs."""
        ...
