"""A drill's machinery in a cluster: the commands that docs/restore.md tells an operator."""

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.topology import SERVICES, Engine, Role, Service
from tests.cluster.cluster import NAMESPACE, Cluster
from tests.drill import backups
from tests.drill.backups import Backup
from tests.drill.machinery import Means
from tests.eventually import eventually

WITHIN_S = 180.0

_OF_THE_SERVICE = "app.kubernetes.io/name={service}"
_IN_POSTGRESQL = "postgresql-0 -- sh -c 'PGPASSWORD=$POSTGRES_PASSWORD"
_AS_ADMINISTRATOR = "--host 127.0.0.1 --username postgres"

STOP = f"scale deploy --selector {_OF_THE_SERVICE} --replicas 0"
UNTIL_STOPPED = (
    f"wait pod --selector '{_OF_THE_SERVICE},app.kubernetes.io/component!=migration' --for delete --timeout 2m"
)
BACK_UP = f"exec {_IN_POSTGRESQL} pg_dump {_AS_ADMINISTRATOR} --format custom {{database}}'"
PUT_BACK = (
    f"exec --stdin {_IN_POSTGRESQL} pg_restore {_AS_ADMINISTRATOR} --clean --if-exists --single-transaction"
    " --dbname {database}'"
)
KNOW_THE_OWNER = (
    "set env deploy/{service}-consumer --from secret/{service}-credentials --keys DATABASE_URL --prefix OWNER_"
)
FORGET_THE_OWNER = "set env deploy/{service}-consumer OWNER_DATABASE_URL-"
START_ONE_CONSUMER = "scale deploy/{service}-consumer --replicas 1"
RESTORE = "exec deploy/{service}-consumer -- python -m services {service} restore"
LOOK = f"{RESTORE} --dry-run"
START = f"scale deploy --selector {_OF_THE_SERVICE} --replicas 1"

COMMANDS = (
    *(STOP, UNTIL_STOPPED, BACK_UP, PUT_BACK, KNOW_THE_OWNER, START_ONE_CONSUMER, LOOK, RESTORE),
    *(FORGET_THE_OWNER, START),
)
"""All of them, as the page has to have them."""

_FOUND = "The database was found to be set back"


class OnKubernetes:
    """The hospital's namespace."""

    def __init__(self, cluster: Cluster, env: dict[str, str], folder: Path) -> None:
        """Prepares it.

        Args:
            cluster: The pods.
            env: Where the databases are, seen from here.
            folder: Where backups are kept.
        """
        self._cluster, self._env, self._folder = cluster, env, folder

    def each_by_itself(self) -> Sequence[Means]:
        """Returns the means that take one database each."""
        return [Means([service], partial(self._back_up, service)) for service in SERVICES]

    def stop(self, services: Sequence[Service]) -> None:
        """Has no pods of services, and returns when the last one has ended."""
        for command in (STOP, UNTIL_STOPPED):
            for service in services:
                _checked(_run(command, service))

    def restore(self, service: Service) -> subprocess.CompletedProcess[str]:
        """Starts one consumer, and restores as soon as it has found the database set back; if it finds nothing, not."""
        for command in (KNOW_THE_OWNER, START_ONE_CONSUMER):
            _checked(_run(command, service))
        looked = eventually(
            lambda: self._looked(service), because=f"{service.name}'s consumer has looked", within_s=WITHIN_S
        )
        assert looked is not None
        return _run(RESTORE, service) if _FOUND in looked.stdout else looked

    def start(self, services: Sequence[Service]) -> None:
        """Starts all pods of services, and returns when they are ready."""
        for command in (FORGET_THE_OWNER, START):
            for service in services:
                _checked(_run(command, service))
        self._cluster.wait_until_ready()

    def _looked(self, service: Service) -> subprocess.CompletedProcess[str] | None:
        """Says what a look finds, once the consumer has found something or works."""
        works = bool(self._cluster.ready_instances(service.name, Role.CONSUMER))
        looked = _run(LOOK, service)
        return looked if looked.returncode == 0 and (works or _FOUND in looked.stdout) else None

    def _back_up(self, service: Service) -> Backup:
        file = self._folder / f"{service.name}.dump"
        if service.engine is Engine.MONGODB:
            return backups.take(self._env[f"{service.name.upper()}_DATABASE_URL"], file)
        with file.open("wb") as dump:
            _checked(_run(BACK_UP, service, stdout=dump.fileno()))
        return _Dump(service, file)


@dataclass(frozen=True, eq=False)
class _Dump:
    """A file of pg_dump, put back by the administrator of the server."""

    service: Service
    file: Path

    def put_back(self) -> None:
        with self.file.open("rb") as dump:
            _checked(_run(PUT_BACK, self.service, stdin=dump.fileno()))


def given(command: str, service: Service) -> str:
    """Returns a command as a person gives it."""
    return f"kubectl --namespace {NAMESPACE} " + command.format(service=service.name, database=service.database)


def _run(
    command: str, service: Service, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    words = shlex.split(given(command, service))
    return subprocess.run(
        words, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=WITHIN_S, check=False
    )


def _checked(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(done.args)}: {done.stderr}")
