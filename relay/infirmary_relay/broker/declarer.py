"""Looks at targets and declares them, beside the loop: a queue without a leader lets that wait, and nothing else may.

A few threads, each with a connection that it keeps as long as there is something to look at: a target that is missing
for hours costs a question now and then, not a connection.
"""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

IS_THERE = ""
_MOST_WORKERS = 4
_KEPT_S = 5.0
"""How long a thread keeps its connection when there is nothing to do: less than two of the broker's heartbeats."""


class Unanswered(str):
    """An answer that says why nothing could be found out, and so nothing of the target."""

    __slots__ = ()


class Declaring(Protocol):
    """A connection on which targets are declared."""

    def declare(self, target: str) -> str | None:
        """Declares a target where it is missing; says why it cannot, None when it is there and of the right kind."""

    def close(self) -> None:
        """Disconnects; raises nothing."""


class Declarer:
    """Declares targets, one at a time for each name."""

    def __init__(self, connect: Callable[[], Declaring]) -> None:
        self._connect = connect
        self._changed = threading.Condition()
        self._asked: dict[str, str | None] = {}
        self._waiting: deque[str] = deque()
        self._workers = self._idle = 0
        self._readable, self._writable = os.pipe()
        for end in (self._readable, self._writable):
            os.set_blocking(end, False)

    def fileno(self) -> int:
        """The descriptor that becomes readable when something was found out."""
        return self._readable

    def drain_notifications(self) -> None:
        """Empties the descriptor, so that it becomes readable only when something else is found out."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._readable, 4096)

    def ask(self, target: str, *, timeout_s: float = 0.0) -> str | None:
        """Tells IS_THERE or why the target cannot be used, once; None while that is being found out.

        What is Unanswered may be asked again.

        Args:
            target: its name.
            timeout_s: how long to wait for the answer.
        """
        with self._changed:
            if target not in self._asked:
                self._asked[target] = None
                self._waiting.append(target)
                self._set_to_work()
            self._changed.wait_for(lambda: self._asked[target] is not None, max(0.0, timeout_s))
            answer = self._asked[target]
            if answer is not None:
                del self._asked[target]
            return answer

    def _set_to_work(self) -> None:
        if self._idle < len(self._waiting) and self._workers < _MOST_WORKERS:
            self._workers += 1
            self._idle += 1
            threading.Thread(target=self._work, name="declarer", daemon=True).start()
        self._changed.notify_all()

    def _work(self) -> None:
        kept: Declaring | None = None
        while (target := self._next()) is not None:
            answer, kept = self._find_out(target, kept)
            with self._changed:
                self._asked[target] = answer
                self._idle += 1
                self._changed.notify_all()
                with contextlib.suppress(BlockingIOError):  # the pipe is full, and so readable already
                    os.write(self._writable, b".")
        if kept is not None:
            kept.close()

    def _next(self) -> str | None:
        """Waits for a name to look at; None when there was none for a while, and the thread is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, _KEPT_S)
            self._idle -= 1
            if self._waiting:
                return self._waiting.popleft()
            self._workers -= 1
            return None

    def _find_out(self, target: str, kept: Declaring | None) -> tuple[str, Declaring | None]:
        """The answer and the connection to keep; a kept one that has ended meanwhile is no answer."""
        if kept is not None:
            try:
                return kept.declare(target) or IS_THERE, kept
            except Exception:  # the next lines find out whether it was the connection's fault
                kept.close()
        opened: Declaring | None = None
        try:
            opened = self._connect()
            return opened.declare(target) or IS_THERE, opened
        except Exception as failed:  # whatever a name brings about is said of that name
            if opened is not None:
                opened.close()
            return Unanswered(str(failed) or repr(failed)), None
