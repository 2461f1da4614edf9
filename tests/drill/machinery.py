"""What a hospital runs on, as far as a drill interferes with it: one machine, or a cluster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Protocol

from local.topology import Service
from tests.drill.backups import Backup


@dataclass(frozen=True)
class Means:
    """How a backup is taken, and whose databases are in it."""

    services: Sequence[Service]
    take: Callable[[], Backup]


class Machinery(Protocol):
    """Stops, restores and starts services."""

    def stop(self, services: Sequence[Service]) -> None:
        """Stops all processes of services, and returns when none is left."""
        ...

    def restore(self, service: Service) -> CompletedProcess[str]:
        """Gives the command that an operator gives, and returns how it ended; of several services at a time."""
        ...

    def start(self, services: Sequence[Service]) -> None:
        """Starts all processes of services, and returns when they are ready."""
        ...
