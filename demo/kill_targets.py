"""What dies in the middle of the rush hour: a process of this machine, or a pod of a cluster."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Killed:
    """Somebody who was killed.

    Attributes:
        name: `<service>-<role>`.
        who: Which one of that name; its successor is somebody else.
        at: When, by the monotonic clock.
    """

    name: str
    who: str
    at: float


class KillTargets(Protocol):
    """The processes or pods that can be killed, and who is to start them again."""

    def kill(self, name: str) -> Killed:
        """Kills one without a warning.

        Raises:
            ProcessLookupError: There is none.
        """

    def wait_until_back(self, killed: Killed, within_s: float = 60.0) -> float:
        """Waits until somebody killed has a successor that is ready; returns how long ago it was killed, in seconds.

        Raises:
            TimeoutError: It has none in time.
        """
