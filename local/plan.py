"""The processes of the hospital: their commands, environments, ports and log files, as data."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.errors import LocalError
from local.ports import LOOPBACK, is_free
from local.process import Process
from local.rundir import REPOSITORY
from local.topology import ISSUER_PORT_OFFSET, PORT_BASE_VARIABLE, PROCESSES, RECORDED_BY, SERVICES, Role, Service

STOP_DEADLINE_S = 15.0

# An administrator's URL is nothing that a service should see.
_HIDDEN_VARIABLES = ("POSTGRES_URL", "MONGODB_URL", "RABBITMQ_URL")

_CA_FILES = ("RABBITMQ_CA_FILE", "DATABASE_CA_FILE")

Command = Callable[[Service, str], list[str]]


def service_command(service: Service, role: str) -> list[str]:
    """Returns the command line of a service's process; it names the service and the role ("migrate" is one, too)."""
    if role == Role.RELAY:
        return [sys.executable, "-m", "relay", service.name]
    return [sys.executable, "-m", "services", service.name, role]


@dataclass(frozen=True)
class DatabaseUrls:
    """How the processes of one service reach its database.

    Attributes:
        owner: As whom it is migrated, and restored.
        processes: As whom each process works with it; the owner where there is none of its own.
    """

    owner: str
    processes: Mapping[Role, str] = field(default_factory=dict)

    def of(self, role: str) -> str:
        """Returns the URL for a process; any other word than a role's is the owner's work."""
        return self.processes.get(Role(role), self.owner) if role in list(Role) else self.owner


@dataclass(frozen=True)
class Plan:
    """What to run, on which ports and against which databases."""

    port_base: int
    database_urls: Mapping[str, DatabaseUrls]
    rabbitmq_urls: Mapping[str, str]
    logs: Path
    spools: Path
    """Where the APIs keep what is still to be put on record; it belongs to the databases."""

    command: Command = service_command
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables that every process gets."""

    stream_port: int = 0
    """Of the stream protocol, on the broker's host; 0 sends and reads logs by AMQP 0-9-1."""

    def port(self, service: Service, role: Role) -> int:
        """Returns where a process answers /readyz: an API where it answers its clients, too."""
        return self.port_base + service.port_offset(role)

    def metrics_port(self, service: Service, role: Role) -> int:
        """Returns where a process shows its metrics."""
        return self.port_base + service.metrics_port_offset(role)

    def process(self, service: Service, role: Role) -> Process:
        """Returns one process, not yet started."""
        own = {"METRICS_PORT": str(self.metrics_port(service, role))}
        if role is not Role.API:
            own["RABBITMQ_URL"] = self.rabbitmq_urls[service.name]
        if role is Role.API:
            own |= {"HTTP_PORT": str(self.port(service, role)), "ACCESS_SPOOL": str(self.spools / service.name)}
        if role is Role.CONSUMER:
            own |= {"RESTORE": "automatic", "OWNER_DATABASE_URL": self.database_urls[service.name].owner}
        return self._prepare(service, role, own)

    def migration(self, service: Service) -> Process:
        """Returns the process that brings a service's database up to date and ends."""
        return self._prepare(service, "migrate", {})

    def _prepare(self, service: Service, role: str, settings: Mapping[str, str]) -> Process:
        environment = {name: value for name, value in os.environ.items() if name not in _HIDDEN_VARIABLES}
        environment |= {
            "DATABASE_URL": self.database_urls[service.name].of(role),
            "RABBITMQ_STREAM_PORT": str(self.stream_port),
            "HTTP_HOST": LOOPBACK,
            **({} if RECORDED_BY is None else {"ACCESS_RECORDED_BY": RECORDED_BY}),
            **self.settings,
            **settings,
        }
        return Process(
            f"{service.name}-{role}",
            self.command(service, role),
            log_path=self.logs / f"{service.name}-{role}.log",
            environment=environment,
            stop_deadline_s=STOP_DEADLINE_S,
            working_dir=REPOSITORY,
        )


def check_ports(base: int) -> None:
    """Makes sure that every port of the plan is free.

    Raises:
        LocalError: one is taken; the message says which, whose it is, and how to move all of them.
    """
    if not is_free(base + ISSUER_PORT_OFFSET):
        raise _taken(base, ISSUER_PORT_OFFSET, "provider of identities")
    for service, role in PROCESSES:
        for offset in {service.port_offset(role), service.metrics_port_offset(role)}:
            if not is_free(base + offset):
                raise _taken(base, offset, f"{service.name} {role}")


def _taken(base: int, offset: int, whose: str) -> LocalError:
    return LocalError(
        f"port {base + offset}, where the {whose} would listen, is taken. Stop what listens there, or "
        f"move all ports with {PORT_BASE_VARIABLE} (now {base}; for example {PORT_BASE_VARIABLE}=18100)."
    )


def outside_environment(plan: Plan, rabbitmq_url: str) -> dict[str, str]:
    """Returns the variables through which anybody outside reaches the APIs, the databases and the broker.

    `LAB_DATABASE_URL` is the owner's, `LAB_API_DATABASE_URL` and the like are those of the processes. Of each service
    they also say which logs it reads, by the contracts in the folders.
    """
    variables: dict[str, str] = {}
    for service in SERVICES:
        prefix = service.name.upper()
        variables[f"{prefix}_URL"] = f"http://{LOOPBACK}:{plan.port(service, Role.API)}"
        variables[f"{prefix}_DATABASE_URL"] = plan.database_urls[service.name].owner
        for role, url in plan.database_urls[service.name].processes.items():
            variables[f"{prefix}_{role.upper()}_DATABASE_URL"] = url
        if reads := logs_read_by(service.name):
            variables[f"{prefix}_READS"] = ",".join(reads)
    variables |= {name: os.environ[name] for name in _CA_FILES if os.environ.get(name)}
    return variables | {"RABBITMQ_URL": rabbitmq_url, "RABBITMQ_STREAM_PORT": str(plan.stream_port)}


def logs_read_by(service: str) -> list[str]:
    """Returns the stems of the logs that a service reads: `ward` for ward.events, `ward.to.admission` for that log.

    The schemas of what a service reads are called `<writer>.<type>.json`. Those with a `reply_to` are commands: whoever
    is commanded reads the log from there, and who commands reads the replies.
    """
    found: set[str] = set()
    for schema in (REPOSITORY / "services").glob("*/schemas/reads/*.*.json"):
        reader, writer = schema.parts[-4], schema.name.partition(".")[0]
        if service not in (reader, writer):
            continue
        if '"reply_to"' in schema.read_text():
            peer = writer if reader == service else reader
            found.add(f"{peer}.to.{service}")
        elif reader == service:
            found.add(writer)
    if service == RECORDED_BY:
        found |= {f"{each.name}.to.{service}" for each in SERVICES}
    return sorted(found)
