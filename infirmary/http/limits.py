"""The limits of what a process holds for its clients."""

import resource
from typing import Final

LARGEST_UNSENT_BYTES: Final = 32 * 1024 * 1024
"""Of all answers together that clients are slow to read; whoever would make it more is let go."""

_MOST_CONNECTIONS: Final = 500
_OTHER_DESCRIPTORS: Final = 100
"""For the database, the logs, the libraries."""


def most_connections() -> int:
    """Returns how many clients may be connected; one more closes the connection that has been idle for the longest."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(1, min(_MOST_CONNECTIONS, descriptors - _OTHER_DESCRIPTORS))
