"""A wall clock of its own for a process, which the nemesis can set: by libfaketime, from Debian's package of that name.

The library stands between the process and the system's clock, and adds what a file says. Time that only passes
(CLOCK_MONOTONIC) is left alone, as it is when an operator or NTP sets a clock.
"""

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from local.errors import LocalError
from local.servers.installation import install_package
from local.servers.sources import Machine, this_machine

PACKAGE = "libfaketime"
MISSING = f"{PACKAGE} is missing (apt-get install {PACKAGE})"

_FILE = "FAKETIME_TIMESTAMP_FILE"
_FOLDERS = ("/usr/lib/*-linux-gnu/faketime", "/usr/lib*/faketime", "/usr/local/lib/faketime")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where the library makes its own


class Clocks:
    """The clocks of processes that were started with `command`."""

    def __init__(self, folder: Path, library: Path | None) -> None:
        """Prepares the clocks.

        Args:
            folder: For a file for each clock; made when it is missing.
            library: libfaketime, None where there is none: then no clock can be set.
        """
        self._folder, self._library = folder, library
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def can_be_set(self) -> bool:
        """Whether processes have clocks of their own."""
        return self._library is not None

    def command(self, name: str, words: Sequence[str]) -> list[str]:
        """Returns a command line with a clock of its own, which goes right at first."""
        if self._library is None:
            return list(words)
        if not self._file(name).exists():
            self.put(name, 0)
        settings = {
            "LD_PRELOAD": self._library,
            _FILE: self._file(name),
            "FAKETIME_NO_CACHE": 1,  # a clock is wrong at once
            "FAKETIME_DONT_FAKE_MONOTONIC": 1,
        }
        return ["env", *(f"{key}={value}" for key, value in settings.items()), *words]

    def put(self, name: str, seconds: int) -> None:
        """Sets a clock so many seconds before or behind the right time."""
        new = self._file(name).with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self._file(name))

    def close(self) -> None:
        """Removes the shared memory that killed processes have left; the library does so at an ordinary end."""
        for left in _SHARED_MEMORY.glob("*faketime_s*_*"):
            pid = left.name.rpartition("_")[2]
            if not Path("/proc", pid).exists():
                with contextlib.suppress(OSError):
                    left.unlink()

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.offset"


def make_sleep_work() -> None:
    """Gives a process with a clock of its own another `time.sleep`, which waits in `select`.

    Python's own asks for an absolute monotonic time (clock_nanosleep), and libfaketime 0.9.10 answers EINVAL. Modules
    that have taken the function itself (`from time import sleep`, as psycopg's pool has) get the other one, too.
    """
    if _FILE not in os.environ:
        return
    pythons_own, time.sleep = time.sleep, _wait
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", {})
        if names.get("sleep") is pythons_own:
            names["sleep"] = _wait


def _wait(seconds: Any, /) -> None:
    select.select([], [], [], seconds)


@cache
def library(announce: Callable[[str], None] = print, machine: Machine | None = None) -> Path | None:
    """Returns where libfaketime is; where it can be, it is installed first. None when it cannot be had."""
    machine = machine or this_machine()
    found = _find()
    if found is None and machine.is_root and machine.find_program("apt-get"):
        announce(f"{PACKAGE} is not installed: installing it with apt-get")
        try:
            install_package(PACKAGE)
        except LocalError as failure:
            announce(str(failure))
        found = _find()
    return found


def _find() -> Path | None:
    names = ("libfaketimeMT.so.1", "libfaketimeMT.so")  # for programs with threads
    root = Path(os.sep)
    found = (path for folder in _FOLDERS for name in names for path in root.glob(f"{folder[1:]}/{name}"))
    return next(found, None)
