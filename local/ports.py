"""Finds free TCP ports on the loopback interface."""

import random
import socket
from collections.abc import Iterable

from local.errors import LocalError

LOOPBACK = "127.0.0.1"
LAST_PORT = 65535

# Below every system's range for outgoing connections (32768 on Linux, 49152 on macOS). In that range a client that
# keeps trying to reach a killed server is given that very port as its source sooner or later, and blocks the restart.
_CANDIDATES = range(15000, 30000)


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
    """Returns a random port on which nothing listens.

    Raises:
        LocalError: nothing free was found.
    """
    return free_base([0])


def free_base(offsets: Iterable[int]) -> int:
    """Returns a random number such that itself plus each offset is a free port.

    Raises:
        LocalError: nothing free was found.
    """
    wanted = list(offsets)
    for _ in range(1000):
        base = random.choice(_CANDIDATES)  # noqa: S311 - spreads callers out, guards nothing
        if all(is_free(base + offset) for offset in wanted):
            return base
    raise LocalError("no free port found between 15000 and 30000")


def listens(port: int) -> bool:
    """Tells whether something accepts connections on the port now."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
