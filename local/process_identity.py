"""Tells whether a process id still belongs to the process it was noted for."""

import subprocess
from functools import cache
from pathlib import Path

_START_TICKS_FIELD = 22  # of /proc/PID/stat, counted from 1


def identity_of(pid: int) -> str | None:
    """Returns the identity of a process, its start, which stays the same while it lives; None when there is none.

    A later process with the same number has another one.
    """
    return _identity_in_proc(pid) if _boot_id() else _identity_by_ps(pid)


def _identity_in_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    after_name = stat.rpartition(")")[2].split()  # the name may hold spaces; what follows is field 3
    return f"{_boot_id()} {after_name[_START_TICKS_FIELD - 3]}"


def _identity_by_ps(pid: int) -> str | None:
    """For macOS, which has no /proc; a fresh Debian on the other hand may have no ps."""
    listing = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listing.stdout.strip() or None


@cache
def _boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""
