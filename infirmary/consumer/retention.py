"""Deletes old rows: little by little, after the work, and faster than they come."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from infirmary.observing.tables import note_nothing_old

BATCH_ROWS: Final = 1000
FIRST_AFTER_S: Final = 5.0
"""A session that has just begun has better things to do: to read what came meanwhile."""

AGAIN_AFTER_S: Final = 30.0
BESIDE_WORK_S: Final = 0.25
"""A batch takes some milliseconds, so this is a hundredth of the time, and 4000 rows a second."""


class Retention:
    """Forgets old rows in batches, each a transaction of its own."""

    def __init__(self, forget: Callable[[int], Mapping[str, int]], clock: Callable[[], float] = time.monotonic) -> None:
        """Prepares it.

        Args:
            forget: Forgets at most so many rows of each table; returns how many it has found, by table.
            clock: Seconds.
        """
        self._forget, self._clock = forget, clock
        self._at = clock() + FIRST_AFTER_S
        self.goes_on = False

    def work(self, busy: bool) -> None:
        """Does one batch if it is time; beside other work only now and then, without it one after the other."""
        now = self._clock()
        if now < self._at and not (self.goes_on and not busy):
            return
        found = self._forget(BATCH_ROWS)
        self.goes_on = any(rows >= BATCH_ROWS for rows in found.values())
        self._at = self._clock() + (BESIDE_WORK_S if self.goes_on else AGAIN_AFTER_S)
        for table, rows in found.items():
            if rows < BATCH_ROWS:
                note_nothing_old(table)
