"""The consumer's interface to a service's database; PostgreSQL and MongoDB each implement it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from infirmary.consumer.batch_counts import BatchCounts
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.held_now import HeldNow
from infirmary.consumer.loss import Loss
from infirmary.consumer.parked import ParkedMessages
from infirmary.consumer.position import Position
from infirmary.consumer.sequence import Last
from infirmary.transport.envelope import Incoming


class ReaderReplaced(RuntimeError):
    """Another reader has moved the offset: this one has lost its log and must start its session again."""


class IdentityRefused(RuntimeError):
    """The service's own role may not look at what tells its database from others."""


class Positions(Protocol):
    """How far each log was read, and who reads it."""

    def own(self, log: str) -> bool:
        """Tries to become the one active reader of a log; says whether this session is it."""
        ...

    def let_go(self, log: str) -> None:
        """Stops being the reader of a log, if this one is."""
        ...

    def rank(self) -> tuple[int, int]:
        """Returns this reader's place among the service's live ones that share out parts of logs, and how many live.

        Whoever asks is one of them from then on, for as long as its session lives.
        """
        ...

    def note(self, log: str) -> None:
        """Notes that there is a log, or a part of one, so that all readers of the service know it by `offsets`."""
        ...

    def read(self, log: str) -> Position:
        """Returns how far a log was read."""
        ...

    def offsets(self) -> dict[str, int | None]:
        """Returns the stored offset of every log and part that is known; also keeps an idle session alive."""
        ...

    def start_over(self, log: str, complete_since: datetime | None) -> Position:
        """Forgets how far a log was read, keeping what is known of its subjects.

        Args:
            log: The log.
            complete_since: Before this time messages may have been lost; None keeps what was known.
        """
        ...

    def losses(self) -> dict[str, Loss]:
        """Returns what was lost of logs and parts, and their writers have not made up for."""
        ...

    def forgotten_before(self) -> dict[str, datetime]:
        """Returns before when ended subjects of logs and parts may have been forgotten, where some may."""
        ...

    def note_loss(self, log: str, more: Loss) -> Loss:
        """Notes that messages of a log have expired before they were read.

        Returns:
            All that is lost of it.
        """
        ...

    def settle_loss(self, log: str) -> None:
        """Forgets what was lost of a log: its writer has made up for it."""
        ...

    def go_on_without(self, log: str) -> None:
        """Notes that nobody has to do anything about what was lost of a log."""
        ...

    def forget_subjects(self, log: str) -> None:
        """Forgets the sequences of a log of commands that has lost some: its sagas go on with what comes next."""
        ...


class BatchWork(Protocol):
    """One transaction, or what stands for it, in which the messages of one log are applied."""

    @property
    def parked(self) -> ParkedMessages:
        """The held messages."""
        ...

    def begin(self, messages: Sequence[Incoming], position: Position, last: Delivery | None) -> Mapping[str, Last]:
        """Begins to work on messages.

        Args:
            messages: Those whose attributes could be read.
            position: Where the reader stands.
            last: The delivery behind which the offset moves; None when it stays, because held ones are tried.

        Returns:
            The last messages applied of their subjects; a subject never seen is missing.

        Raises:
            ReaderReplaced: The offset is not where this reader left it.
        """
        ...

    def alone(self) -> AbstractContextManager[None]:
        """Undoes what happens inside when it raises, where messages are applied one by one; otherwise does nothing."""
        ...

    def apply(self, message: Incoming) -> None:
        """Applies a message.

        Raises:
            MalformedMessage: It cannot be read, or nobody here handles its type.
            Exception: Whatever its handler raises.
        """
        ...

    def is_put_off(self, error: BaseException) -> bool:
        """Says whether a message has met somebody else's work, such as a lock, and is to be tried again soon."""
        ...

    def finish(self, changed: Mapping[str, Last], *, wake: bool) -> None:
        """Writes what is not written yet.

        Args:
            changed: The subjects that have got on, each with the last message applied of it.
            wake: Whether messages may be held that wait for them.

        Raises:
            ReaderReplaced: The offset is not where this reader left it.
        """
        ...


class Store(Protocol):
    """A service's database, in which messages are applied and how far that has come is recorded, together.

    Every method may raise an error that `is_transient` knows; the work is then to be tried again.
    """

    @property
    def positions(self) -> Positions:
        """How far the logs were read."""
        ...

    def transact(self, log: str, work: Callable[[BatchWork], BatchCounts], *, one_by_one: bool) -> BatchCounts:
        """Does a batch's work, all of it or nothing.

        Args:
            log: Whose messages they are.
            work: Does it; may be called again.
            one_by_one: Whether each message is applied so that the one that fails can be told from the others.
        """
        ...

    def is_transient(self, error: BaseException) -> bool:
        """Says whether the same work may succeed later without any change."""
        ...

    def is_lock(self, error: BaseException) -> bool:
        """Says whether it was a lock of somebody else's that kept a batch, so that its messages are tried alone."""
        ...

    def count(self, channel: str) -> HeldNow:
        """Returns how many messages of a log are held."""
        ...

    def missing(self, channel: str) -> int:
        """Returns how many messages those of a log wait for."""
        ...

    def some_due_failed(self, channel: str) -> bool | None:
        """Says whether any of the held messages that are due has failed before; None if nothing is due."""
        ...

    def check_incarnation(self) -> None:
        """Makes sure, once a turn, that the database may be written to.

        Raises:
            DatabaseSetBack: It is marked as set back to an earlier moment.
        """
        ...

    def tend(self) -> None:
        """Does what is due by the clock: saga timeouts, leases."""
        ...

    def forget_old(self, logs: Collection[str], at_most: int) -> Mapping[str, int]:
        """Forgets rows that are too old, at most so many of each table.

        Args:
            logs: Those that this service reads.
            at_most: How many rows.

        Returns:
            How many it has found, by table.
        """
        ...

    def identity(self) -> str:
        """Returns what tells this database from any other that a service of the same name may have.

        Raises:
            IdentityRefused: The service's role may not look at it.
        """
        ...

    def close(self) -> None:
        """Ends the connection, and with it the ownership of all logs."""
        ...
