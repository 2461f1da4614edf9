"""Makes child processes die with the process that started them, even when that one is killed with SIGKILL.

Two ways, because each has a gap. On Linux the kernel sends the child a signal when its parent dies (`setpriv
--pdeathsig`), which works even if nothing else of ours is alive, but a stopped or stubborn child survives it. On every
system a small watcher process holds the reading end of a pipe; when the pipe closes, it asks whatever is left to stop,
then kills it.

This file is also the watcher's program. It is started by its path with `-I -S`, so it may import the standard library
only.
"""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

GRACE_S = 8.0


def death_signal_prefix(stop_signal: signal.Signals) -> list[str]:
    """Returns the words to put before a command so that it gets `stop_signal` when the starting thread dies.

    Empty where the kernel has no such thing (macOS).
    """
    return _death_signal_words(stop_signal) if _has_setpriv() else []


def _death_signal_words(stop_signal: signal.Signals) -> list[str]:
    return ["setpriv", "--pdeathsig", stop_signal.name.removeprefix("SIG"), "--"]


@cache
def _has_setpriv() -> bool:
    if shutil.which("setpriv") is None:
        return False
    probe = [*_death_signal_words(signal.SIGTERM), "true"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


class ParentDeath:
    """What ends our children when this process dies: its end of the pipe to the watcher."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[int, signal.Signals] = {}
        self._watcher: subprocess.Popen[bytes] | None = None
        atexit.register(self._close)

    def watch(self, group: int, stop_signal: signal.Signals) -> None:
        """Has the process group stopped if this process dies."""
        with self._lock:
            self._watched[group] = stop_signal
            self._tell(f"{group} {stop_signal.value}\n")

    def forget(self, group: int) -> None:
        """The process group has ended; its number may now belong to somebody else."""
        with self._lock:
            if self._watched.pop(group, None) is not None:
                self._tell(f"{group} 0\n")

    def _tell(self, line: str) -> None:
        if self._watcher is None:
            line = self._start_watcher()
        try:
            self._write(line)
        except BrokenPipeError:  # somebody killed the watcher: a new one is told everything again
            self._write(self._start_watcher())

    def _start_watcher(self) -> str:
        program = [sys.executable, "-I", "-S", str(Path(__file__).resolve())]
        self._watcher = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        return "".join(f"{group} {number.value}\n" for group, number in self._watched.items())

    def _close(self) -> None:
        """At an orderly end: the watcher stops what is left, mostly nothing, and ends before us."""
        if self._watcher is not None:
            self._watcher.communicate()

    def _write(self, text: str) -> None:
        if self._watcher is not None and self._watcher.stdin is not None:
            os.write(self._watcher.stdin.fileno(), text.encode())


PARENT_DEATH = ParentDeath()


def stop_groups(groups: dict[int, int], grace_s: float) -> None:
    """Sends each process group's leader its signal, waits until the groups are gone, and kills what is left."""
    for group, number in groups.items():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(group, number)
            os.kill(group, signal.SIGCONT)  # a stopped process would never see the signal
    deadline = time.monotonic() + grace_s
    while any(_is_alive(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.1)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def read_watched(lines: Iterable[str]) -> dict[int, int]:
    """Reads lines of "group signal" and returns the groups still watched at their end; signal 0 ends the watch."""
    watched: dict[int, int] = {}
    for line in lines:
        group, number = (int(word) for word in line.split())
        watched.pop(group, None)
        if number:
            watched[group] = number
    return watched


if __name__ == "__main__":
    stop_groups(read_watched(sys.stdin), GRACE_S)
