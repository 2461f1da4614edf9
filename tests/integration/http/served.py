"""A service's API as a process of its own, and what a client without manners sends it."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.ports import LOOPBACK, free_port
from local.process import Process
from local.readiness import wait_until_ready
from local.rundir import REPOSITORY
from services.chassis.settings import Settings


@dataclass(frozen=True)
class Served:
    """An API that runs."""

    process: Process
    port: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{LOOPBACK}:{self.port}"

    def connect(self) -> socket.socket:
        """Opens a connection."""
        return socket.create_connection((LOOPBACK, self.port), timeout=20)

    def raw(self, data: bytes) -> bytes:
        """Sends bytes, and returns all that comes until the server closes."""
        with self.connect() as client:
            client.sendall(data)
            return read_all(client)


def read_all(client: socket.socket) -> bytes:
    """Returns all that comes until the other side closes."""
    pieces = []
    while piece := client.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


@contextmanager
def served(service: str, settings: Settings, folder: Path, **others: str) -> Iterator[Served]:
    """Runs an API on a port of its own."""
    port = free_port()
    process = Process(
        "api",
        [sys.executable, "-m", "services", service, "api"],
        folder / "api.log",
        environment={**os.environ, "DATABASE_URL": settings.database_url, "HTTP_PORT": str(port), **others},
        working_dir=REPOSITORY,
    )
    process.start()
    try:
        wait_until_ready({"api": port}, 60)
        yield Served(process, port)
    finally:
        process.stop()
