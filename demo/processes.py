"""The hospital's processes as a fault sees them: killed from outside, started again by their supervisor."""

import os
import signal
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from demo.kill_targets import Killed
from local.readiness import is_ready
from local.rundir import RunDir
from local.topology import SERVICES, Role

LOOK_EVERY_S = 0.05


class Processes:
    """The processes that a run's folder has on record."""

    def __init__(self, run_dir: RunDir, env: Mapping[str, str]) -> None:
        """Prepares the view.

        Args:
            run_dir: Where the launcher notes its processes.
            env: The addresses of the same hospital; the ports of all processes follow from the first.
        """
        self._run_dir = run_dir
        first = urlsplit(env["PATIENT_URL"]).port or 0
        base = first - SERVICES[0].port_offset(Role.API)
        self._ports = {
            f"{service.name}-{role}": base + service.port_offset(role) for service in SERVICES for role in service.roles
        }

    def known(self) -> bool:
        """Says whether there are processes on record: a hospital elsewhere cannot be killed from here."""
        return bool(self._run_dir.recorded())

    def kill(self, name: str) -> Killed:
        """Kills a process (SIGKILL).

        Args:
            name: `<service>-<role>`.

        Raises:
            ProcessLookupError: It does not run.
        """
        pid = self._run_dir.recorded().get(name)
        if pid is None:
            raise ProcessLookupError(f"{name} does not run")
        os.kill(pid, signal.SIGKILL)
        return Killed(name, _who(pid), time.monotonic())

    def wait_until_back(self, killed: Killed, within_s: float = 60.0) -> float:
        """Waits until a killed process has a successor that is ready; returns how long ago it was killed, in seconds.

        Raises:
            TimeoutError: It has none in time.
        """
        while not self._is_back(killed):
            if time.monotonic() - killed.at > within_s:
                raise TimeoutError(f"{killed.name} was killed and is not back after {within_s:.0f} s")
            time.sleep(LOOK_EVERY_S)
        return time.monotonic() - killed.at

    def _is_back(self, killed: Killed) -> bool:
        pid = self._run_dir.recorded().get(killed.name)
        return pid is not None and _who(pid) != killed.who and is_ready(self._ports[killed.name])


def _who(pid: int) -> str:
    return f"process {pid}"
