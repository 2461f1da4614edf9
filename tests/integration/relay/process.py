"""A relay as its own process, as it runs in production."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from local.ports import free_port
from tests.eventually import eventually

ROOT = Path(__file__).parents[3]
RELAY = ROOT / "relay"


class RelayProcess:
    """`python -m infirmary_relay <service>`, with a look at its metrics port."""

    def __init__(self, service: str, log: Path, **environment: str) -> None:
        self._port = free_port()
        self._log = log.open("ab")
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "infirmary_relay", service],
            cwd=ROOT,
            env=inherited | {"METRICS_PORT": str(self._port), "PYTHONPATH": str(RELAY)} | environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def until_ready(self) -> "RelayProcess":
        eventually(lambda: self.get("/readyz")[0] == 200, because="the relay is ready")
        return self

    def get(self, path: str) -> tuple[int, str]:
        """Returns the status and body of a page; (0, reason) when nobody answers."""
        try:
            with urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError as silent:
            return 0, str(silent)

    def reasons(self) -> str:
        """Returns why the relay is not ready, empty when it is."""
        status, body = self.get("/readyz")
        return "" if status == 200 else " ".join(json.loads(body)["reasons"] if status else [body])

    def metric(self, name: str) -> float:
        lines = self.get("/metrics")[1].splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(name + " ")), 0.0)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kills it, frozen or not."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def stop(self) -> int:
        """Asks it to end, and returns its exit status."""
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        status = self._process.wait(timeout=15)
        self._log.close()
        return status
