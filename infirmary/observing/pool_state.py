"""The use of a pool of connections to the database that several threads share."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool of connections.

    Attributes:
        in_use: Connections that requests hold.
        idle: Connections that are open and wait for one.
        waiting: Requests that wait for a connection.
        waited_s: Seconds that all requests together have waited, since the start.
        timeouts: Requests that have got none in time, since the start.
    """

    in_use: int = 0
    idle: int = 0
    waiting: int = 0
    waited_s: float = 0.0
    timeouts: int = 0
