"""A drill's machinery on one machine: processes of the launcher, and servers of its own."""

import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from local.hospital import Hospital
from local.process import Process, stop_all
from local.rundir import REPOSITORY
from local.servers.postgres import PostgresServer
from local.topology import SERVICES, Engine, Role, Service
from tests.base_backup import base_backup
from tests.drill import backups
from tests.drill.backups import Backup
from tests.drill.machinery import Means

RESTORE_WITHIN_S = 120.0


class OneMachine:
    """A hospital that `running_hospital` has started."""

    def __init__(self, hospital: Hospital, folder: Path) -> None:
        """Prepares it.

        Args:
            hospital: Its processes and servers.
            folder: Where backups are kept; PostgreSQL's user can reach it.
        """
        self._hospital, self._folder = hospital, folder
        self._taken = 0

    def each_by_itself(self) -> Sequence[Means]:
        """Returns the means that take one database each."""
        return [Means([service], partial(self._one_database, service)) for service in SERVICES]

    def servers_at_once(self) -> Sequence[Means]:
        """Returns the means that take all of PostgreSQL's databases together; none where its server is not ours."""
        server = self._hospital.servers.postgres
        if not isinstance(server, PostgresServer):
            return []
        together = [service for service in SERVICES if service.engine is Engine.POSTGRESQL]
        others = [each for each in self.each_by_itself() if each.services[0] not in together]
        return [Means(together, lambda: base_backup(server, self._next("base"))), *others]

    def stop(self, services: Sequence[Service]) -> None:
        """Stops all processes of services, and returns when none is left."""
        stop_all(self._processes(services))

    def restore(self, service: Service) -> subprocess.CompletedProcess[str]:
        """Runs the command in the environment of the service's processes."""
        return subprocess.run(
            [sys.executable, "-m", "services", service.name, "restore", "--although-not-marked"],
            cwd=REPOSITORY,
            env=self._hospital.process(service.name, Role.CONSUMER).environment,
            capture_output=True,
            text=True,
            timeout=RESTORE_WITHIN_S,
            check=False,
        )

    def start(self, services: Sequence[Service]) -> None:
        """Starts all processes of services, and returns when they are ready."""
        for process in self._processes(services):
            process.start()
        self._hospital.wait_until_ready()

    def _processes(self, services: Sequence[Service]) -> list[Process]:
        return [self._hospital.process(service.name, role) for service in services for role in service.roles]

    def _one_database(self, service: Service) -> Backup:
        return backups.take(self._hospital.plan.database_urls[service.name].owner, self._next(f"{service.name}.dump"))

    def _next(self, name: str) -> Path:
        self._taken += 1
        return self._folder / f"{self._taken}-{name}"
