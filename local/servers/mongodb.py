"""MongoDB: a private mongod, or SecantusDB, a development server that speaks the same protocol."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from local.credentials import Credentials
from local.databases import PROCESSES, role_of
from local.errors import LocalError
from local.ports import LOOPBACK, free_port, listens
from local.process import Process
from local.servers.base import Server
from local.servers.sources import find_program

ADMINISTRATOR = "infirmary"

OWNERS_ACTIONS = ("collMod", "grantRole", "revokeRole", "viewRole")
"""What the owner of a database may do in it besides reading and writing: its limits, and the rights of its roles."""

Client = MongoClient[dict[str, Any]]


class MongoServer(Server):
    """A private server in its own data directory, reachable on the loopback interface only, with a password."""

    name = "MongoDB"

    def __init__(self, data_dir: Path, *, port: int | None = None, log_path: Path | None = None) -> None:
        """Prepares the server; nothing runs before `start`.

        Args:
            data_dir: Made when it is missing; what it holds is kept.
            port: A free one when None.
            log_path: Default: beside the data.
        """
        self.data_dir = data_dir.resolve()
        self.port = port or free_port()
        self._credentials = Credentials(self.data_dir / "credentials.json")
        password = self._credentials.password(ADMINISTRATOR)
        self.url = f"mongodb://{ADMINISTRATOR}:{password}@{LOOPBACK}:{self.port}/?directConnection=true"
        self._process = self._prepare(log_path or self.data_dir / "server.log")
        self.processes = (self._process,)
        self.description = f"MongoDB, a private server ({self._command[0]})"

    def _prepare(self, log_path: Path) -> Process:
        self._command = _command(self.port, self.data_dir / "data")
        return Process(self.name, self._command, log_path=log_path)

    def _require_passwords(self, required: bool) -> None:
        self._process.command = [*self._command, *(["--auth"] if required else [])]

    @property
    def _url_without_password(self) -> str:
        return f"mongodb://{LOOPBACK}:{self.port}/?directConnection=true"

    def launch(self) -> None:
        """Starts the server and does not wait; its data directory is made first when it is missing."""
        self.data_dir.chmod(0o700)
        administrator_exists = self.data_dir / "administrator-exists"
        if not administrator_exists.exists():
            self._create_administrator()
            administrator_exists.touch()
        self._require_passwords(True)
        super().launch()

    def _create_administrator(self) -> None:
        """Starts the server once without passwords, since its first user cannot be made with one."""
        (self.data_dir / "data").mkdir(parents=True, exist_ok=True)
        self._require_passwords(False)
        super().launch()
        self._wait_for(lambda: listens(self.port) and mongodb_answers(self._url_without_password))
        with connect(self._url_without_password) as client:
            put_user(client, "admin", ADMINISTRATOR, self._credentials.password(ADMINISTRATOR), ["root"])
        self._process.stop()

    def _answers(self) -> bool:
        # The driver tries only twice a second, so the port is asked first.
        return listens(self.port) and mongodb_answers(self.url)

    def create_database(self, name: str) -> str:
        """Makes a user who owns this one database and can reach no other, and returns that user's URL.

        The database comes to be with its first document. A user who exists keeps the password. The roles of its
        processes are made, too, without any rights: those come from the owner, who migrates.
        """
        with connect(self.url) as client:
            put_roles(client, name)
            return self._let_in(client, name, name, ["readWrite", role_of(name, "owner")])

    def let_in(self, name: str, processes: Iterable[str]) -> dict[str, str]:
        """Makes a user for each process of a database that was made, and returns their URLs by the processes."""
        with connect(self.url) as client:
            return {
                process: self._let_in(client, name, role_of(name, process), [role_of(name, process)])
                for process in processes
            }

    def _let_in(self, client: Client, database: str, user: str, roles: Iterable[str]) -> str:
        password = self._credentials.password(user)
        put_user(client, database, user, password, roles)
        server = f"{LOOPBACK}:{self.port}"
        return f"mongodb://{user}:{password}@{server}/{database}?directConnection=true&authSource={database}"


@contextmanager
def connect(url: str) -> Iterator[Client]:
    """Gives a client that fails within two seconds when the server is away."""
    client: Client = MongoClient(url, serverSelectionTimeoutMS=2000, connectTimeoutMS=2000)
    try:
        yield client
    finally:
        client.close()


def mongodb_answers(url: str) -> bool:
    """Tells whether the server answers, and knows the user when the URL names one."""
    try:
        with connect(url) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True


def put_user(client: Client, database: str, user: str, password: str, roles: Iterable[str]) -> None:
    """Makes a user with some of the database's roles, or gives an existing one this password and these roles."""
    known = client[database].command("usersInfo", user)["users"]
    command = "updateUser" if known else "createUser"
    client[database].command(command, user, pwd=password, roles=[{"role": role, "db": database} for role in roles])


def put_roles(client: Client, database: str) -> None:
    """Makes the role of a database's owner and, empty, those of its processes; those that are there stay."""
    of_database = {"resource": {"db": database, "collection": ""}, "actions": list(OWNERS_ACTIONS)}
    wanted = {role_of(database, "owner"): [of_database]} | {role_of(database, each): [] for each in PROCESSES}
    there = {each["role"] for each in client[database].command("rolesInfo", list(wanted))["roles"]}
    for role, privileges in wanted.items():
        if role not in there:
            client[database].command("createRole", role, privileges=privileges, roles=[])


def _command(port: int, data: Path) -> list[str]:
    if mongod := find_program("mongod"):
        options = ["--bind_ip", LOOPBACK, "--port", str(port), "--dbpath", str(data)]
        return [mongod, *options, "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"]
    if secantus := find_program("secantusd-py"):
        options = ["--host", LOOPBACK, "--port", str(port), "--storage-path", str(data)]
        return [secantus, *options, "--cache-size", "128M", "--sync-on-commit", "--log-level", "WARNING"]
    raise LocalError("the Python package secantusdb is missing: run `make setup`")
