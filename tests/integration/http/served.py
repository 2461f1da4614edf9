"""A service's API as a process of its own, and what a client without manners sends it."""

import os
import socket
import ssl
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
    trusted: ssl.SSLContext | None = None
    """Whose certificates its clients trust, if it speaks TLS."""

    def metrics(self) -> list[str]:
        """Returns the lines of its metrics."""
        return httpx.get(f"http://{LOOPBACK}:{self.metrics_port}/metrics", timeout=10).text.splitlines()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{LOOPBACK}:{self.port}" if self.trusted is None else f"https://localhost:{self.port}"

    @property
    def client(self) -> httpx.Client:
        """Returns a client that has no connection yet."""
        return httpx.Client(base_url=self.url, timeout=10, verify=self.trusted or True)

    def connect_plainly(self) -> socket.socket:
        """Opens a connection on which nothing was said."""
        return socket.create_connection((LOOPBACK, self.port), timeout=20)

    def connect(self) -> socket.socket:
        """Opens a connection on which a request can be sent."""
        plain = self.connect_plainly()
        return plain if self.trusted is None else self.trusted.wrap_socket(plain, server_hostname="localhost")

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


def trusting(certificates: Path) -> ssl.SSLContext:
    """Returns what a client trusts that knows the authority of a folder with certificates."""
    return ssl.create_default_context(cafile=certificates / "ca.pem")


@contextmanager
def served(
    service: str,
    settings: Settings,
    folder: Path,
    is_ready: bool = True,
    certificates: Path | None = None,
    **others: str,
) -> Iterator[Served]:
    """Runs an API on ports of its own; it may be one that will never be ready, and speak TLS."""
    port, metrics_port = free_port(), free_port()
    ports = {"HTTP_PORT": str(port), "METRICS_PORT": str(metrics_port)}
    trusted = None
    if certificates is not None:
        trusted = trusting(certificates)
        others["HTTP_CERTIFICATE_FILE"] = str(certificates / "cert.pem")
        others["HTTP_KEY_FILE"] = str(certificates / "key.pem")
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
            wait_until_ready({"api": metrics_port}, 60)
        else:
            eventually(lambda: listens(metrics_port), because="it has started")
        yield Served(process, port, metrics_port, trusted)
    finally:
        process.stop()
