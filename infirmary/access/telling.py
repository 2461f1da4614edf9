"""Tells what requests have put into a spool, from a thread of its own, many of them in one transaction."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from infirmary.access.records import MOST_BYTES, MOST_IN_ONE, Access
from infirmary.access.spool import Spool, left_in

_PACE_S: Final = 0.05
"""What comes within this time goes together: a transaction costs as much for one as for many."""

_AGAIN_AFTER_S: Final = 1.0
_LOOK_EVERY_S: Final = 5.0
CLOSES_WITHIN_S: Final = 5.0

_ACCESS: Final = TypeAdapter(Access)
_logger = logging.getLogger(__name__)


class Telling:
    """Takes accesses into a spool, and tells what is in it and in those that other processes have left."""

    def __init__(self, folder: Path, most_bytes: int, tell: Callable[[Sequence[Access]], None]) -> None:
        """Starts the thread.

        Args:
            folder: Where the spools are of those who tell the same: this process and the ones before it.
            most_bytes: How large the own one is.
            tell: Makes some accesses durable, in the order in which they came, or raises. One that was told already may
                come again.

        Raises:
            OSError: There can be no spool in the folder.
        """
        self._folder, self._most_bytes, self._tell = folder, most_bytes, tell
        self._spool = Spool.new(folder, most_bytes)
        self._removed: list[Spool] = []
        self._something, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="record of access", daemon=True)
        self._thread.start()

    def add(self, access: Access) -> bool:
        """Takes one, which is told whatever becomes of this process; returns False where it cannot be taken."""
        line, spool = _ACCESS.dump_json(access), self._spool
        taken = spool.append(line) or (spool is not self._spool and self._spool.append(line))
        if not self._something.is_set():
            self._something.set()
        return taken

    def close(self) -> None:
        """Ends the thread once all is told; what cannot be told now stays in the folder."""
        self._closing.set()
        self._something.set()
        self._thread.join(CLOSES_WITHIN_S)

    def _run(self) -> None:
        look_at = 0.0
        while not self._closing.is_set():
            if time.monotonic() >= look_at:
                self._try(self._look_around)
                look_at = time.monotonic() + _LOOK_EVERY_S
            if self._something.wait(_LOOK_EVERY_S):
                self._something.clear()
                self._try(self._tell_own)
        self._tell_all(self._spool)
        self._spool.close()

    def _try(self, tell: Callable[[], None]) -> None:
        """Tells, and waits for more."""
        try:
            tell()
        except Exception as error:
            _logger.warning("what was asked for cannot be put on record now: %s", error)
            self._something.set()
            self._closing.wait(_AGAIN_AFTER_S)
        else:
            self._closing.wait(_PACE_S)

    def _tell_own(self) -> None:
        if self._tell_next(self._spool):
            self._something.set()  # the other half may hold what came while this one could not be told

    def _look_around(self) -> None:
        """Makes another spool where somebody has removed the own one, and tells what others have left."""
        if not self._spool.is_there:
            _logger.error("somebody has removed the file of what is still to be put on record from %s", self._folder)
            removed = self._spool
            removed.seal()  # until there is another, nothing is shown
            self._spool = Spool.new(self._folder, self._most_bytes)
            self._removed.append(removed)
        self._removed = [spool for spool in self._removed if not self._tell_all(spool)]
        for spool in left_in(self._folder):
            self._tell_all(spool)
            spool.close()

    def _tell_all(self, spool: Spool) -> bool:
        try:
            while self._tell_next(spool):
                pass
        except Exception as error:
            _logger.warning("what is left in %s cannot be put on record now: %s", spool.path, error)
            return False
        return True

    def _tell_next(self, spool: Spool) -> bool:
        lines = spool.take()
        for some in messages_of(lines):
            self._tell(some)
        spool.settle()
        return bool(lines)


def messages_of(lines: Sequence[bytes]) -> Iterator[list[Access]]:
    """Yields what a spool's lines hold by what goes into one message."""
    some: list[Access] = []
    size = 0
    for line in lines:
        try:
            access = _ACCESS.validate_json(line)
        except ValidationError:
            _logger.error("this is no access, so it is not told: %.300r", line)
            continue
        if some and (len(some) == MOST_IN_ONE or size + len(line) > MOST_BYTES):
            yield some
            some, size = [], 0
        some.append(access)
        size += len(line)
    if some:
        yield some
