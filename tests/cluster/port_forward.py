"""Makes the servers inside the cluster reachable from here while a test runs, whatever happens to their pods."""

import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tests.cluster.cluster import NAMESPACE

SERVERS: Mapping[str, str] = {"postgresql": "postgresql", "rabbitmq": "amqp", "mongodb": "mongodb"}
"""Each server's port by its name, as it has another number with TLS."""


class PortForward:
    """A port of this machine that leads to a server's pod, the one that is ready when a client connects.

    A process of its own carries what is said: in the one of the tests it would wait for its turn to run Python.

    Attributes:
        port: On which it listens, while the block lasts.
    """

    def __init__(self, server: str, port: int | str) -> None:
        """Prepares it.

        Args:
            server: The `app.kubernetes.io/name` of the pods.
            port: The number of a port of theirs, or its name.
        """
        self.port = 0
        self._command = [sys.executable, "-m", "tests.cluster.tunnels", NAMESPACE, server, str(port)]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.communicate(timeout=10)
