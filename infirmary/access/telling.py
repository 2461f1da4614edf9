"""Tells what requests have put into a spool, from a thread of its own, many of them in one transaction."""

import logging
import threading
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
        self._folder, self._tell = folder, tell
        self._spool = Spool.new(folder, most_bytes)
        self._something, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="record of access", daemon=True)
        self._thread.start()

    def add(self, access: Access) -> bool:
        """Takes one, which is told whatever becomes of this process; returns False where it cannot be taken."""
        taken = not self._closing.is_set() and self._spool.append(_ACCESS.dump_json(access))
        if not self._something.is_set():
            self._something.set()
        return taken

    def close(self) -> None:
        """Ends the thread once all is told; what cannot be told now stays in the folder."""
        self._closing.set()
        self._something.set()
        self._thread.join(CLOSES_WITHIN_S)

    def _run(self) -> None:
        self._try(self._tell_others)
        while not self._closing.is_set():
            if self._something.wait(_LOOK_EVERY_S):
                self._something.clear()
                self._try(self._tell_own)
            else:
                self._try(self._tell_others)
        if self._try(self._tell_own):
            self._try(self._tell_own)  # the other half may have filled meanwhile
        self._spool.close()

    def _try(self, tell: Callable[[], None]) -> bool:
        """Tells, and waits for more; says whether it could."""
        try:
            tell()
        except Exception as error:
            _logger.warning("what was asked for cannot be put on record now: %s", error)
            self._something.set()
            self._closing.wait(_AGAIN_AFTER_S)
            return False
        self._closing.wait(_PACE_S)
        return True

    def _tell_own(self) -> None:
        if self._tell_next(self._spool):
            self._something.set()  # the other half may hold what came while this one could not be told

    def _tell_others(self) -> None:
        for spool in left_in(self._folder):
            try:
                while self._tell_next(spool):
                    pass
            finally:
                spool.close()

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
            _logger.exception("this is no access, so it is not told: %r", line)
            continue
        if some and (len(some) == MOST_IN_ONE or size + len(line) > MOST_BYTES):
            yield some
            some, size = [], 0
        some.append(access)
        size += len(line)
    if some:
        yield some
