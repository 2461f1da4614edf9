"""Writes what many threads have to put on record, as many as there are in one transaction (group commit)."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

T = TypeVar("T")

CLOSES_WITHIN_S: Final = 5.0


class Closed(RuntimeError):
    """Nothing is taken any more: the process ends."""


class GroupWriter(Generic[T]):
    """Hands on what it is given from a thread of its own; what comes while that is at work goes together afterwards.

    So one that comes alone is written at once, and the more come the fewer transactions there are for each.
    """

    def __init__(self, write: Callable[[Sequence[T]], None], most: int) -> None:
        """Starts the thread.

        Args:
            write: Makes some of them durable, or raises.
            most: How many it is given at once.
        """
        self._write, self._most = write, most
        self._waiting: list[tuple[T, Future[None]]] = []
        self._is_closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="record of access", daemon=True)
        self._thread.start()

    def add(self, item: T) -> "Future[None]":
        """Takes something to be written; what it returns is done when that is durable, or has failed."""
        done: Future[None] = Future()
        with self._changed:
            if self._is_closed:
                done.set_exception(Closed("the process is ending"))
                return done
            self._waiting.append((item, done))
            if len(self._waiting) == 1:
                self._changed.notify()
        return done

    def close(self) -> None:
        """Ends the thread once all is written that was taken."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(CLOSES_WITHIN_S)

    def _run(self) -> None:
        while some := self._next():
            try:
                self._write([item for item, _ in some])
            except Exception as error:
                for _, done in some:
                    done.set_exception(error)
            else:
                for _, done in some:
                    done.set_result(None)

    def _next(self) -> list[tuple[T, "Future[None]"]]:
        """Returns what waits, once something does; nothing at the end."""
        with self._changed:
            while not self._waiting and not self._is_closed:
                self._changed.wait()
            some, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            return some
