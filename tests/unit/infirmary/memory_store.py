"""A store in this process's memory, whose transactions are all or nothing: what the policy alone is tried with."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

from infirmary.consumer.batch_counts import BatchCounts
from infirmary.consumer.contents import contents_of
from infirmary.consumer.delivery import Delivery
from infirmary.consumer.due import Due
from infirmary.consumer.held_now import PARKED, WAITING, HeldNow
from infirmary.consumer.parked import ParkedId, ParkedMessage, ParkedMessages
from infirmary.consumer.position import Position
from infirmary.consumer.sequence import Last
from infirmary.consumer.store import BatchWork, Positions, ReaderReplaced
from infirmary.transport.envelope import Incoming, MalformedMessage

_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class PassingError(RuntimeError):
    """What the whole transaction is tried again for."""


@dataclass
class State:
    """What is in the database.

    Attributes:
        applied: The messages applied, in this order.
        sequences: The last messages by subject.
        held: By their ids.
        offset: That of the last message.
    """

    applied: list[Incoming] = field(default_factory=list)
    sequences: dict[str, Last] = field(default_factory=dict)
    held: dict[int, ParkedMessage] = field(default_factory=dict)
    offset: int | None = None


class MemoryParked:
    """The held messages; all of them are always due."""

    def __init__(self, state: State) -> None:
        self._state = state

    def hold(self, channel: str, delivery: Delivery, error: BaseException | None, *, is_put_off: bool = False) -> None:
        """Keeps a message, once; of one that was only waiting it is known from now on what it fails with."""
        assert not is_put_off
        for held_id, held in self._state.held.items():
            if held.message_id == delivery.identity:
                if held.error is None and error is not None:
                    unreadable = isinstance(error, MalformedMessage)
                    self._state.held[held_id] = replace(held, error=str(error), unreadable=unreadable, attempts=1)
                return
        message = delivery.message
        assert isinstance(message, Incoming)
        properties, body = contents_of(delivery)
        held_id = max(self._state.held, default=0) + 1
        self._state.held[held_id] = ParkedMessage(
            id=held_id,
            channel=channel,
            source=message.source,
            type=message.type,
            subject=message.subject,
            sequence=message.sequence,
            message_id=message.message_id,
            error=None if error is None else str(error),
            unreadable=isinstance(error, MalformedMessage),
            attempts=int(error is not None),
            retry_at=_LONG_AGO,
            parked_at=_LONG_AGO,
            properties=properties,
            body=body,
        )

    def look(self, channel: str, at_once: int, at_most: int) -> list[Due]:  # noqa: ARG002 - there are but few
        """Returns messages that are due, in the order of their sequences."""
        return [
            Due(
                each.id, each.subject, each.sequence, each.attempts, _LONG_AGO, each.error is not None, 0.0,
                self._state.sequences.get(str(each.subject), Last(0)).sequence,
            )
            for each in sorted(self._state.held.values(), key=lambda each: (each.sequence or 0, cast("int", each.id)))
        ]  # fmt: skip

    def take(self, ids: Sequence[ParkedId]) -> list[ParkedMessage]:
        """Returns messages in the order of their ids."""
        return [self._state.held[cast("int", each)] for each in ids]

    def of_subject(self, channel: str, subject: str) -> list[ParkedMessage]:  # noqa: ARG002 - there is one log
        """Returns all messages of one subject."""
        return [each for each in self._state.held.values() if each.subject == subject]

    def release(self, held: ParkedMessage) -> None:
        """Forgets a message."""
        self._state.held.pop(cast("int", held.id), None)

    def failed_again(self, held: ParkedMessage, error: BaseException) -> None:
        """Notes another failure."""
        self._state.held[cast("int", held.id)] = replace(
            held, error=str(error), attempts=held.attempts + 1, unreadable=isinstance(error, MalformedMessage)
        )

    def postpone(self, pauses_s: Mapping[ParkedId, float]) -> None:
        """Looks at messages again in the next turn."""


class MemoryWork:
    """One transaction."""

    def __init__(self, state: State, handle: Callable[[Incoming], None], *, one_by_one: bool) -> None:
        self._state, self._handle, self._one_by_one = state, handle, one_by_one
        self.parked = cast("ParkedMessages", MemoryParked(state))

    def begin(self, messages: Sequence[Incoming], position: Position, last: Delivery | None) -> Mapping[str, Last]:
        """Moves the offset."""
        if last is not None:
            if position.last_offset != self._state.offset:
                raise ReaderReplaced
            self._state.offset = last.offset
        subjects = {message.subject for message in messages}
        return {subject: last for subject, last in self._state.sequences.items() if subject in subjects}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Undoes what happens inside when it raises."""
        before = deepcopy(vars(self._state)) if self._one_by_one else None
        try:
            yield
        except BaseException:
            if before is not None:
                vars(self._state).update(before)
            raise

    def apply(self, message: Incoming) -> None:
        """Applies a message."""
        self._handle(message)
        self._state.applied.append(message)

    def is_put_off(self, error: BaseException) -> bool:  # noqa: ARG002 - nobody holds locks here
        """Says no."""
        return False

    def finish(self, changed: Mapping[str, Last], *, wake: bool) -> None:  # noqa: ARG002 - all are always due
        """Writes the sequences; they only grow."""
        for subject, last in changed.items():
            assert last.sequence > self._state.sequences.get(subject, Last(-1)).sequence
            self._state.sequences[subject] = last


class MemoryStore:
    """A service's database; `handle` is its handlers."""

    positions = cast("Positions", None)

    def __init__(self, handle: Callable[[Incoming], None]) -> None:
        self.state, self._handle = State(), handle

    def transact(self, log: str, work: Callable[[BatchWork], BatchCounts], *, one_by_one: bool) -> BatchCounts:  # noqa: ARG002 - there is one log
        """Does a batch's work, all of it or nothing."""
        state = deepcopy(self.state)
        counts = work(MemoryWork(state, self._handle, one_by_one=one_by_one))
        self.state = state
        return counts

    def is_transient(self, error: BaseException) -> bool:
        """Says whether it passes."""
        return isinstance(error, PassingError)

    def is_lock(self, error: BaseException) -> bool:  # noqa: ARG002 - nobody holds locks here
        """Says no."""
        return False

    def count(self, channel: str) -> HeldNow:  # noqa: ARG002 - there is one log
        """Returns how many are held."""
        failed = sum(each.error is not None for each in self.state.held.values())
        return HeldNow({PARKED: failed, WAITING: len(self.state.held) - failed}, {PARKED: 0.0, WAITING: 0.0})

    def missing(self, channel: str) -> int:  # noqa: ARG002 - nobody asks
        """Returns nothing of interest."""
        return 0

    def some_due_failed(self, channel: str) -> bool | None:  # noqa: ARG002 - there is one log
        """Says whether any has failed before."""
        failed = [each.error is not None for each in self.state.held.values()]
        return any(failed) if failed else None

    def check_incarnation(self) -> None:
        """Finds nothing."""

    def tend(self) -> None:
        """Does nothing."""

    def forget_old(self, logs: Collection[str], at_most: int) -> Mapping[str, int]:  # noqa: ARG002 - nobody asks
        """Forgets nothing."""
        return {}

    def identity(self) -> str:
        """Returns a name."""
        return "memory"

    def close(self) -> None:
        """Does nothing."""
