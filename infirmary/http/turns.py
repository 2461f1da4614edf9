"""Whose request is worked on next: callers take turns, and none of them has all threads. Pure, but for `Queue`'s lock.

Who sends many requests at once waits behind its own ones alone. Who sends slow ones leaves some threads to the others.
"""

import threading
from collections import Counter, deque
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_FOR_OTHERS: Final = 4
"""Of so many threads one is for the others; one at least."""


def most_at_once(threads: int) -> int:
    """Returns on how many requests of one caller as many threads work at once."""
    return max(1, threads - max(1, threads // _FOR_OTHERS))


class Turns(Generic[T]):
    """What waits, by its caller."""

    def __init__(self, at_once: int) -> None:
        """Begins with nothing.

        Args:
            at_once: How much of one caller's may be under way.
        """
        self._at_once = at_once
        self._waiting: dict[str, deque[T]] = {}
        """Of each caller who has something waiting; the one who has waited for a turn for the longest is the first."""
        self._under_way: Counter[str] = Counter()

    def add(self, caller: str, work: T) -> None:
        """Takes a piece of work, behind what its caller has waiting."""
        self._waiting.setdefault(caller, deque()).append(work)

    def next(self) -> tuple[str, T] | None:
        """Begins the next piece of work, and returns it with its caller; None when there is none to begin."""
        for caller, waiting in self._waiting.items():
            if self._under_way[caller] < self._at_once:
                work = waiting.popleft()
                del self._waiting[caller]
                if waiting:
                    self._waiting[caller] = waiting  # the last again
                self._under_way[caller] += 1
                return caller, work
        return None

    def done(self, caller: str) -> None:
        """Notes that a piece of a caller's work has ended."""
        self._under_way[caller] -= 1
        if not self._under_way[caller]:
            del self._under_way[caller]

    def __len__(self) -> int:
        """How many callers are remembered."""
        return len(self._waiting.keys() | self._under_way.keys())


class Queue(Generic[T]):
    """Gives threads their work."""

    def __init__(self, at_once: int) -> None:
        """Begins with nothing.

        Args:
            at_once: How much of one caller's may be under way.
        """
        self._turns = Turns[T](at_once)
        self._changed = threading.Condition()
        self._closed = False

    def put(self, caller: str, work: T) -> None:
        """Takes a piece of work."""
        with self._changed:
            self._turns.add(caller, work)
            self._changed.notify()

    def take(self) -> tuple[str, T] | None:
        """Waits for the next piece of work and returns it with its caller, or None at the end."""
        with self._changed:
            while (turn := self._turns.next()) is None and not self._closed:
                self._changed.wait()
            return turn

    def done(self, caller: str) -> None:
        """Says that a piece of work that was taken has ended."""
        with self._changed:
            self._turns.done(caller)
            self._changed.notify()

    def close(self) -> None:
        """Ends the wait of all threads; what is there is worked on first, as far as it may be."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
