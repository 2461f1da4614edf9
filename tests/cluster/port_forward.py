"""Makes the servers inside the cluster reachable from here while a test runs, whatever happens to their pods."""

import subprocess
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from local.ports import free_port, listens
from tests.cluster.cluster import NAMESPACE
from tests.eventually import eventually

SERVERS: Mapping[str, str] = {"postgresql": "postgresql", "rabbitmq": "amqp", "mongodb": "mongodb"}
"""Each server's port by its name, as it has another number with TLS."""


class PortForward:
    """`kubectl port-forward` for one Service, started again whenever it ends: it does so with the pod behind it."""

    def __init__(self, service: str, port: int | str) -> None:
        self.port = free_port()
        self._command = [
            "kubectl", "--namespace", NAMESPACE, "port-forward", f"service/{service}", f"{self.port}:{port}",
        ]  # fmt: skip
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_going, name=f"forward {service}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        eventually(lambda: listens(self.port), because=f"{' '.join(self._command)} listens", within_s=60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join(10)

    def _keep_going(self) -> None:
        while not self._stopping.is_set():
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
            )
            while self._process.poll() is None and not self._stopping.wait(0.2):
                pass
            self._process.terminate()
            self._process.wait()
            self._stopping.wait(0.5)
