"""A service's API as a process of its own, and what a client without manners sends it."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from infirmary.settings import Settings
from local.ports import LOOPBACK, free_port, listens
from local.process import Process
from local.readiness import wait_until_ready
from local.rundir import REPOSITORY
from tests.eventually import eventually


@dataclass(frozen=True)
class Served:
    """An API that runs."""

    process: Process
    port: int
    metrics_port: int

    def metrics(self) -> list[str]:
        """Returns the lines of its metrics."""
        return httpx.get(f"http://{LOOPBACK}:{self.metrics_port}/metrics", timeout=10).text.splitlines()

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
def served(service: str, settings: Settings, folder: Path, is_ready: bool = True, **others: str) -> Iterator[Served]:
    """Runs an API on ports of its own; it may be one that will never be ready."""
    port, metrics_port = free_port(), free_port()
    ports = {"HTTP_PORT": str(port), "METRICS_PORT": str(metrics_port)}
    process = Process(
        "api",
        [sys.executable, "-m", "services", service, "api"],
        folder / "api.log",
        environment={**os.environ, "DATABASE_URL": settings.database_url, **ports, **others},
        working_dir=REPOSITORY,
    )
    process.start()
    try:
        if is_ready:
            wait_until_ready({"api": port}, 60)
        else:
            eventually(lambda: listens(metrics_port), because="it has started")
        yield Served(process, port, metrics_port)
    finally:
        process.stop()
