"""Clears tables of what is too old: beside the work, never in its way, and faster than it comes."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Final, Protocol

from infirmary.observing.tables import expect_tables, note_nothing_old

_logger = logging.getLogger(__name__)

EVERY_S: Final = 60.0
_PAUSE_S: Final = 0.05


class Chore(Protocol):
    """What is to be done for one table."""

    @property
    def table(self) -> str:
        """The table, as it is called in the database and in the label `table`."""
        ...

    def some(self) -> bool:
        """Clears some rows, in a transaction that is over soon; says whether there may be more of them."""
        ...


Begin = Callable[[], AbstractContextManager[Iterator[Chore]]]
"""Opens a connection for the time of a pass, and gives the chores: none while another process is at them."""


class Housekeeping:
    """A thread that does chores once a minute until nothing too old is left, however much has come since the last time.

    It rests after each batch for as long as that has taken, and so leaves half the time of its connection to others.
    """

    def __init__(self, begin: Begin, tables: Iterable[str], every_s: float = EVERY_S) -> None:
        """Begins.

        Args:
            begin: Opens a connection and gives the chores.
            tables: Those that they are for.
            every_s: Nearly: pods take turns.
        """
        self._begin, self._every_s = begin, every_s
        expect_tables((), forgetting=tables)
        self._told: dict[str, str] = {}
        self._stopping = threading.Event()
        self._drawn = random.Random()  # noqa: S311 - pods in turn
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread; a batch that is under way is committed first."""
        self._stopping.set()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s * self._drawn.uniform(0.5, 1.5)):
            try:
                with self._begin() as chores:
                    for chore in chores:
                        self._do(chore)
                self._told.pop("", None)
            except Exception as error:
                self._tell("", error)

    def _do(self, chore: Chore) -> None:
        """Does one chore to its end; what fails is tried again in a minute, and keeps no other from being done."""
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                if not chore.some():
                    note_nothing_old(chore.table)
                    self._told.pop(chore.table, None)
                    return
                self._stopping.wait(max(_PAUSE_S, time.monotonic() - began))
        except Exception as error:
            self._tell(chore.table, error)

    def _tell(self, table: str, error: Exception) -> None:
        problem = f"{type(error).__name__}: {error}"
        if self._told.get(table) != problem:
            _logger.warning("what is too old stays for a while%s: %s", f" in {table}" if table else "", problem)
        self._told[table] = problem
