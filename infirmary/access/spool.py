"""A file for what is to be told of requests: it outlives the process that has answered them.

It has two halves. One takes lines while what is in the other is told, and that is emptied when it has been; so a
process that dies leaves behind all that it has not told, and at the most what it has told last. Lines are copied into
mapped memory, which takes no call of the system, and is the file's whatever becomes of the process. A machine that dies
takes the last of them with it.
"""

import fcntl
import logging
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from infirmary.identifiers import new_id

_logger = logging.getLogger(__name__)

_LENGTH: Final = struct.Struct("<Q")
"""At the start of a half: how many bytes of lines follow. It is set after they are there."""

_SUFFIX: Final = ".accesses"
_HALVES: Final = 2
SMALLEST_BYTES: Final = _HALVES * 16_384


class Spool:
    """Lines that are to be told, each at least once.

    Attributes:
        path: Where the file is.
    """

    def __init__(self, path: Path, locked: int) -> None:
        """Opens a file.

        Args:
            path: Where it is.
            locked: The descriptor by which this process alone has it; it is closed with it.
        """
        self.path, self._locked = path, locked
        self._file = mmap.mmap(locked, 0)
        self._half_bytes = len(self._file) // _HALVES
        self._filled, self._told = 0, 1
        self._is_sealed = False
        self._mutex = threading.Lock()

    @classmethod
    def new(cls, folder: Path, most_bytes: int) -> Self:
        """Makes a file of its own in a folder, with all the room that it will need.

        Raises:
            OSError: There is no such folder, no room, or no right to it.
        """
        path, locked = folder, None
        while locked is None:
            path = folder / f"{new_id()}{_SUFFIX}"
            locked = _lock(path, os.O_CREAT | os.O_EXCL)
        try:
            os.posix_fallocate(locked, 0, most_bytes)
        except OSError:
            path.unlink(missing_ok=True)
            os.close(locked)
            raise
        return cls(path, locked)

    @property
    def is_there(self) -> bool:
        """Whether the file can be found by whoever comes next."""
        return os.fstat(self._locked).st_nlink > 0

    def append(self, line: bytes) -> bool:
        """Takes a line, which has no newline in it; returns False where there is no room for it, or it is sealed."""
        with self._mutex:
            if self._is_sealed:
                return False
            start, length = self._start(self._filled), self._length(self._filled)
            if _LENGTH.size + length + len(line) + 1 > self._half_bytes:
                return False
            at = start + _LENGTH.size + length
            self._file[at : at + len(line) + 1] = line + b"\n"
            _LENGTH.pack_into(self._file, start, length + len(line) + 1)
            return True

    def seal(self) -> None:
        """Takes nothing more."""
        with self._mutex:
            self._is_sealed = True

    def take(self) -> list[bytes]:
        """Returns what is to be told next; the same again until it is settled."""
        with self._mutex:
            if not self._length(self._told):
                self._filled, self._told = self._told, self._filled
        at = self._start(self._told) + _LENGTH.size
        return self._file[at : at + self._length(self._told)].split(b"\n")[:-1]

    def settle(self) -> None:
        """Forgets what was taken last."""
        _LENGTH.pack_into(self._file, self._start(self._told), 0)

    def close(self) -> None:
        """Gives the file up to whoever opens it next, and removes it where nothing is left in it."""
        with self._mutex:
            self._is_sealed = True
            if not any(map(self._length, range(_HALVES))):
                self.path.unlink(missing_ok=True)
            self._file.close()
            os.close(self._locked)

    def _start(self, half: int) -> int:
        return half * self._half_bytes

    def _length(self, half: int) -> int:
        (length,) = _LENGTH.unpack_from(self._file, self._start(half))
        return min(int(length), self._half_bytes - _LENGTH.size)


def left_in(folder: Path) -> Iterator[Spool]:
    """Yields the files of processes that have ended; what it yields belongs to this process."""
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            locked = _lock(path)
        except OSError as error:
            _logger.warning("nobody tells what is in %s: %s", path, error)
            continue
        if locked is None:
            continue
        if os.fstat(locked).st_size < SMALLEST_BYTES:  # its process ended before it had room for anything
            path.unlink(missing_ok=True)
            os.close(locked)
        else:
            yield Spool(path, locked)


def _lock(path: Path, flags: int = 0) -> int | None:
    """Opens a file that nobody else has; None where somebody has it, or has removed it meanwhile."""
    try:
        opened = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | flags, 0o600)
    except FileNotFoundError:
        if flags:
            raise
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        return None
    if os.fstat(opened).st_nlink == 0:
        os.close(opened)
        return None
    return opened
