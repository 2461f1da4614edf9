"""The whole hospital on one machine, from Python: `with running_hospital(data_dir) as hospital: hospital.env`."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from local.credentials import Credentials
from local.databases import role_of
from local.errors import LocalError
from local.identity import IdentityProvider
from local.plan import Command, DatabaseUrls, Plan, check_ports, outside_environment, service_command
from local.ports import free_base
from local.process import Process, run_to_end, stop_all
from local.readiness import wait_until_ready
from local.rundir import RunDir
from local.servers import Server
from local.servers.choice import Servers, erase_data, servers_for
from local.servers.zipkin import ZipkinServer
from local.supervisor import Supervisor
from local.topology import ISSUER_PORT_OFFSET, PORT_OFFSETS, SERVICES, Engine, Role, Service, check_services

READY_DEADLINE_S = 120.0
MIGRATION_DEADLINE_S = 120.0
MIGRATIONS_AT_ONCE = 3


class Hospital:
    """A hospital that runs: its servers, its processes and the variables that lead to them."""

    def __init__(
        self, servers: Servers, plan: Plan, zipkin: ZipkinServer | None = None, identity: IdentityProvider | None = None
    ) -> None:
        self.servers = servers
        self.zipkin = zipkin
        self.identity = identity
        self.plan = plan
        self.env = outside_environment(plan, servers.rabbitmq.url)
        if zipkin is not None:
            self.env["ZIPKIN_URL"] = zipkin.url
        if identity is not None:
            self.env |= identity.tokens()
        self._processes = {
            (service.name, role): plan.process(service, role) for service in SERVICES for role in service.roles
        }

    @property
    def server_processes(self) -> tuple[Process, ...]:
        """The processes of the servers that were started for this hospital."""
        servers = (*self.servers.all, *([] if self.zipkin is None else [self.zipkin]))
        return tuple(process for server in servers for process in server.processes)

    @property
    def processes(self) -> tuple[Process, ...]:
        """All processes of the services."""
        return tuple(self._processes.values())

    def process(self, service: str, role: str) -> Process:
        """Returns the process of a service in a role ("api", "consumer" or "relay").

        Its `crash` is a fault after which the supervisor starts it again; `kill` and `stop` keep it down until `start`.
        """
        return self._processes[service, Role(role)]

    def url(self, service: str) -> str:
        """Returns the base URL of a service's API."""
        return self.env[f"{service.upper()}_URL"]

    def readiness_ports(self) -> dict[str, int]:
        """Returns where each process answers /readyz, by its name."""
        return {
            self._processes[service.name, role].name: self.plan.port(service, role)
            for service in SERVICES
            for role in service.roles
        }

    def wait_until_ready(
        self, deadline_s: float = READY_DEADLINE_S, on_progress: Callable[[int, int], None] = lambda _ready, _all: None
    ) -> None:
        """Waits until every process answers /readyz with 200.

        Raises:
            LocalError: some do not within the deadline; the message names them and where their logs are.
        """
        try:
            wait_until_ready(self.readiness_ports(), deadline_s, on_progress)
        except LocalError as error:
            raise LocalError(f"{error}. Their logs are in {self.plan.logs}.") from None


Announce = Callable[[str], None]


def _say_nothing(_line: str) -> None:
    pass


@contextmanager
def running_hospital(
    data_dir: Path,
    *,
    port_base: int | None = None,
    fresh: bool = False,
    announce: Announce = _say_nothing,
    command: Command = service_command,
    broker_metrics_port: int | None = None,
    zipkin: ZipkinServer | None = None,
    identity: bool = True,
) -> Iterator[Hospital]:
    """Starts servers and services, gives the hospital when all is ready, and stops everything at the end.

    Args:
        data_dir: Made when it is missing. Databases, logs and `infirmary.env` are kept in it; at most one hospital runs
            in a folder at a time.
        port_base: What the ports are counted from (see `topology.port_base`), or None for free ports.
        fresh: Throws away what an earlier hospital has stored in the folder, but nothing of external servers.
        announce: Gets a line for each thing that is done.
        command: The command lines of the services.
        broker_metrics_port: Where a private broker shows its metrics; None for nowhere.
        zipkin: Where all processes send their traces, not yet started; None for nowhere.
        identity: Whether the APIs ask for a token, of a provider that is started with them.

    Raises:
        LocalError: it cannot be started; the message says why and what to do.
    """
    check_services()
    run_dir = RunDir(data_dir)
    with ExitStack() as stack:
        stack.enter_context(run_dir.locked())
        if fresh:
            erase_data(run_dir.data)
        base = _choose_ports(port_base)
        servers = servers_for(run_dir.data, run_dir.logs, announce, broker_metrics_port=broker_metrics_port)
        supervisor = Supervisor()
        stack.callback(supervisor.stop)
        stack.callback(_stop_servers, servers)
        if zipkin is not None:
            stack.callback(zipkin.stop)
            zipkin.launch()
        provider = None
        if identity:
            provider = IdentityProvider(run_dir.path, run_dir.logs / "issuer.log", base + ISSUER_PORT_OFFSET)
            stack.callback(provider.process.stop)
            provider.launch()
        database_urls = _start_servers(servers, run_dir, announce)
        rabbitmq_urls = {service.name: servers.rabbitmq.url_of(service.name) for service in SERVICES}
        settings = {name: value for each in (zipkin, provider) if each for name, value in each.settings.items()}
        stream_port, spools = servers.rabbitmq.stream_port, run_dir.data / "spools"
        plan = Plan(base, database_urls, rabbitmq_urls, run_dir.logs, spools, command, settings, stream_port)
        hospital = Hospital(servers, plan, zipkin, provider)
        _migrate(plan, announce)
        _wait_for(servers.rabbitmq, announce)
        if zipkin is not None:
            _wait_for(zipkin, announce)
        stack.callback(stop_all, hospital.processes)
        _start_processes(hospital, supervisor, run_dir, announce)
        stack.enter_context(run_dir.environment_written(hospital.env))
        yield hospital
        announce("Stopping the services, then the servers")


def _choose_ports(port_base: int | None) -> int:
    if port_base is None:
        return free_base((ISSUER_PORT_OFFSET, *PORT_OFFSETS))
    try:
        check_ports(port_base)
    except LocalError:
        holder = RunDir().holder()
        if holder in (None, os.getpid()):
            raise
        raise LocalError(
            f"the hospital of `make up` (process {holder}) holds the ports: `make down` stops it"
        ) from None
    return port_base


def _start_servers(servers: Servers, run_dir: RunDir, announce: Announce) -> dict[str, DatabaseUrls]:
    """Launches all, waits for the databases only, and returns the database URLs of each service."""
    announce(f"Starting {', '.join(server.name for server in servers.all)}")
    for server in servers.all:
        server.launch()
    for server in (servers.postgres, servers.mongodb):
        _wait_for(server, announce)
    credentials = Credentials(run_dir.path / "credentials.json")
    servers.postgres.databases.revoke_public_connect()
    urls = {service.name: _create_database(servers, credentials, service) for service in SERVICES}
    announce(f"{len(urls)} databases, each with roles that can reach no other")
    return urls


def _create_database(servers: Servers, credentials: Credentials, service: Service) -> DatabaseUrls:
    name = service.database
    if service.engine is Engine.MONGODB:
        owner = servers.mongodb.create_database(name)
        return DatabaseUrls(
            owner, {Role(each): url for each, url in servers.mongodb.let_in(name, service.roles).items()}
        )
    databases = servers.postgres.databases
    owner = databases.create(name, credentials.password(name))
    return DatabaseUrls(
        owner,
        {role: databases.let_in(name, role, credentials.password(role_of(name, role))) for role in service.roles},
    )


def _wait_for(server: Server, announce: Announce) -> None:
    begun_at = time.monotonic()
    server.wait_until_ready()
    announce(f"{server.description}: ready ({time.monotonic() - begun_at:.1f} s)")


def _stop_servers(servers: Servers) -> None:
    """Asks all at once, then waits for each."""
    for server in servers.all:
        server.ask_to_stop()
    for server in reversed(servers.all):
        server.stop()


def _migrate(plan: Plan, announce: Announce) -> None:
    """Brings the databases up to date, a few at a time."""
    begun_at = time.monotonic()
    run_to_end([plan.migration(service) for service in SERVICES], MIGRATIONS_AT_ONCE, MIGRATION_DEADLINE_S)
    announce(f"{len(SERVICES)} databases migrated ({time.monotonic() - begun_at:.1f} s)")


def _start_processes(hospital: Hospital, supervisor: Supervisor, run_dir: RunDir, announce: Announce) -> None:
    announce(f"Starting {len(hospital.processes)} processes")
    begun_at = time.monotonic()
    for process in hospital.processes:
        process.start()
    provider = [] if hospital.identity is None else [hospital.identity.process]
    watched = [*hospital.server_processes, *provider, *hospital.processes]

    def note_all() -> None:
        run_dir.record({process.name: process.pid for process in watched if process.pid is not None})

    def note_restart(process: Process, exit_code: int) -> None:
        announce(f"{process.name} had ended ({exit_code}) and was started again")
        note_all()

    note_all()
    supervisor.on_restart = note_restart
    supervisor.watch(watched)
    hospital.wait_until_ready(on_progress=lambda ready, of_all: announce(f"{ready} of {of_all} processes are ready"))
    announce(f"All processes are ready ({time.monotonic() - begun_at:.1f} s)")
