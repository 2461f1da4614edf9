"""One thread for all that a process does beside its work: piece by piece, so that nothing waits for another's end."""

import logging
import random
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

_logger = logging.getLogger(__name__)

PAUSE_S: Final = 0.05
"""Between two pieces, at least: who looks for a lock or a connection finds it free."""

AGAIN_AFTER_S: Final = 60.0
"""After which what has failed is tried again, at the latest."""


@dataclass(frozen=True, slots=True)
class Round:
    """Something that is done again and again.

    Attributes:
        late: What is said of it where it fails: "the tables are not measured for a while".
        pieces: Begins it; each next piece is done when it is asked for.
        every_s: How long after its end it begins again. Nearly: pods take turns.
        first_s: The same, after the start of the process; None for no other.
        share: Of the thread's time, while there are pieces to do.
    """

    late: str
    pieces: Callable[[], Iterator[None]]
    every_s: float
    first_s: float | None = None
    share: float = 0.5


class Problems:
    """Says what goes wrong once, and again when it was over or has another reason."""

    def __init__(self) -> None:
        """Knows of none."""
        self._told: dict[str, str] = {}

    def tell(self, late: str, error: Exception) -> None:
        """Logs why something is late."""
        problem = f"{type(error).__name__}: {error}"
        if self._told.get(late) != problem:
            _logger.warning("%s: %s", late, problem)
        self._told[late] = problem

    def is_over(self, late: str) -> None:
        """Takes note that it went well."""
        self._told.pop(late, None)


class Beside:
    """A thread that goes its rounds until it is closed. What fails is tried again, and keeps nothing from its turn."""

    def __init__(self, rounds: Iterable[Round]) -> None:
        """Begins."""
        self._stopping, self._problems = threading.Event(), Problems()
        self._turns = [_Turn(each, self._problems) for each in rounds]
        self._thread = threading.Thread(target=self._run, name="beside", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the thread; a piece that is under way is done first."""
        self._stopping.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while self._turns:
            turn = min(self._turns, key=lambda each: each.due_at)
            if self._stopping.wait(max(0.0, turn.due_at - time.monotonic())):
                break
            turn.take()
        for turn in self._turns:
            turn.give_up()


class _Turn:
    """A round, and when its next piece is due."""

    def __init__(self, round_: Round, problems: Problems) -> None:
        self._round, self._problems = round_, problems
        self._drawn = random.Random()  # noqa: S311 - of its own: a thread that draws from all's disturbs who relies on it
        self._pieces: Iterator[None] | None = None
        self.due_at = self._at(round_.every_s if round_.first_s is None else round_.first_s)

    def take(self) -> None:
        """Does a piece."""
        began = time.monotonic()
        try:
            self._pieces = self._round.pieces() if self._pieces is None else self._pieces
            next(self._pieces)
        except StopIteration:
            self._pieces = None
            self._problems.is_over(self._round.late)
            self.due_at = self._at(self._round.every_s)
        except Exception as error:
            self._pieces = None
            self._problems.tell(self._round.late, error)
            self.due_at = self._at(min(self._round.every_s, AGAIN_AFTER_S))
        else:
            now = time.monotonic()
            self.due_at = now + max(PAUSE_S, (now - began) * (1 / self._round.share - 1))

    def give_up(self) -> None:
        """Closes what is open for pieces that are not done."""
        if isinstance(self._pieces, Generator):
            self._pieces.close()

    def _at(self, after_s: float) -> float:
        return time.monotonic() + after_s * self._drawn.uniform(0.5, 1.5)
