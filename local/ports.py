"""Finds free TCP ports on the loopback interface, each for one asker alone."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from local.errors import LocalError

LOOPBACK = "127.0.0.1"
LAST_PORT = 65535

# Below every system's range for outgoing connections (32768 on Linux, 49152 on macOS). In that range a client that
# keeps trying to reach a killed server is given that very port as its source sooner or later, and blocks the restart.
# Apart from each other: dozens of ports at set distances are hard to find between thousands that were given out.
_BASES = range(15000, 19000)
_SINGLE_PORTS = range(20000, 30000)

_given: set[int] = set()


def is_free(port: int) -> bool:
    """Tells whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Returns a random port on which nothing listens, and which nobody else is given while this process lives.

    Raises:
        LocalError: nothing free was found.
    """
    return _free_base((0,), _SINGLE_PORTS)


def free_base(offsets: Iterable[int]) -> int:
    """Returns a random number such that itself plus each offset, below 1,000, is a port as `free_port` gives it.

    Raises:
        LocalError: nothing free was found.
    """
    return _free_base(tuple(offsets), _BASES)


def _free_base(offsets: tuple[int, ...], candidates: range) -> int:
    for _ in range(1000):
        base = random.choice(candidates)  # noqa: S311 - spreads callers out, guards nothing
        if _reserve([base + offset for offset in offsets]):
            return base
    raise LocalError(f"no free port found from {candidates.start} on")


def listens(port: int) -> bool:
    """Tells whether something accepts connections on the port now."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _reserve(ports: list[int]) -> bool:
    """Keeps the ports from whoever else asks: one that is free may be another's already that does not listen yet.

    Each is a byte of a file that all share, locked by its holder. The system takes the locks back when the process
    ends, however it ends; they do not keep a process from itself, so that its own are noted, too.
    """
    held: list[int] = []
    for port in ports:
        if port in _given or not is_free(port) or not _lock(port):
            break
        held.append(port)
    else:
        _given.update(held)
        return True
    for port in held:
        fcntl.lockf(_reservations(), fcntl.LOCK_UN, 1, port)
    return False


def _lock(port: int) -> bool:
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _reservations() -> int:
    path = Path(tempfile.gettempdir()) / f"infirmary-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
