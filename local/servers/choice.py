"""The three servers of one run, each from the source that this machine offers."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from local.errors import LocalError
from local.plan import logs_read_by
from local.ports import LAST_PORT
from local.servers.base import Server
from local.servers.docker import DockerMongoServer, DockerRabbitMQServer, remove_volumes
from local.servers.external import ExternalMongo, ExternalPostgres, ExternalRabbitMQ
from local.servers.installation import install_rabbitmq
from local.servers.mongodb import MongoServer
from local.servers.postgres import PostgresServer
from local.servers.rabbitmq import RabbitMQServer
from local.servers.sources import Machine, Source, mongodb_source, postgres_source, rabbitmq_source, this_machine
from local.topology import SERVICES

Announce = Callable[[str], None]


@dataclass(frozen=True)
class Servers:
    """The servers that a hospital stands on."""

    postgres: PostgresServer | ExternalPostgres
    rabbitmq: RabbitMQServer | DockerRabbitMQServer | ExternalRabbitMQ
    mongodb: MongoServer | DockerMongoServer | ExternalMongo

    @property
    def all(self) -> tuple[Server, ...]:
        """The servers in the order of their launch, the slowest first; they are stopped the other way round."""
        return (self.rabbitmq, self.postgres, self.mongodb)


def servers_for(
    data: Path,
    logs: Path,
    announce: Announce,
    *,
    machine: Machine | None = None,
    durable: bool = True,
    broker_metrics_port: int | None = None,
) -> Servers:
    """Returns the servers, not yet started; RabbitMQ is installed first where it is missing and can be.

    Args:
        data: Where private servers keep their data.
        logs: Where they write their logs.
        announce: Gets a line when something is installed.
        machine: What to decide from; this machine when None.
        durable: False makes a private PostgreSQL fast and forgetful, for tests that never kill it.
        broker_metrics_port: Where a private RabbitMQ shows its metrics; None for nowhere.

    Raises:
        LocalError: one of them cannot be had here; the message says what to do.
    """
    machine = machine or this_machine()
    return Servers(
        postgres=_postgres(machine, data / "postgres", logs / "postgres.log", durable),
        rabbitmq=_rabbitmq(machine, data / "rabbitmq", logs / "rabbitmq.log", announce, broker_metrics_port),
        mongodb=_mongodb(machine, data / "mongodb", logs / "mongodb.log"),
    )


def erase_data(data: Path) -> None:
    """Throws away what stopped private servers have stored; an external server keeps what it has."""
    remove_volumes(data)
    shutil.rmtree(data, ignore_errors=True)


def _trusted(machine: Machine, variable: str) -> Path | None:
    """Returns the file of certificates that a variable names.

    Raises:
        LocalError: It does not exist.
    """
    named = machine.environment.get(variable)
    if named and not Path(named).is_file():
        raise LocalError(f"{variable}: there is no file {named}")
    return Path(named) if named else None


def _stream_port(machine: Machine) -> int:
    """Returns where a broker that was given speaks the stream protocol; 0 where nothing is said of it.

    Raises:
        LocalError: RABBITMQ_STREAM_PORT is no port.
    """
    named = machine.environment.get("RABBITMQ_STREAM_PORT") or "0"
    if not named.isdecimal() or int(named) > LAST_PORT:
        raise LocalError(f"RABBITMQ_STREAM_PORT must be a number from 0 to {LAST_PORT}, not {named!r}")
    return int(named)


def _postgres(machine: Machine, data: Path, log: Path, durable: bool) -> PostgresServer | ExternalPostgres:
    if postgres_source(machine) is Source.EXTERNAL:
        return ExternalPostgres(machine.environment["POSTGRES_URL"], _trusted(machine, "DATABASE_CA_FILE"))
    return PostgresServer(data, durable=durable, log_path=log)


def _rabbitmq(
    machine: Machine, data: Path, log: Path, announce: Announce, metrics_port: int | None
) -> RabbitMQServer | DockerRabbitMQServer | ExternalRabbitMQ:
    users = {service.name: logs_read_by(service.name) for service in SERVICES}
    source = rabbitmq_source(machine)
    if source is Source.EXTERNAL:
        trusted = _trusted(machine, "RABBITMQ_CA_FILE")
        return ExternalRabbitMQ(machine.environment["RABBITMQ_URL"], trusted, _stream_port(machine))
    if source is Source.DOCKER:
        return DockerRabbitMQServer(data, users=users, log_path=log)
    if source in (Source.APT, Source.BREW):
        install_rabbitmq(source, announce)
    return RabbitMQServer(data, users=users, log_path=log, metrics_port=metrics_port)


def _mongodb(machine: Machine, data: Path, log: Path) -> MongoServer | DockerMongoServer | ExternalMongo:
    source = mongodb_source(machine)
    if source is Source.EXTERNAL:
        return ExternalMongo(machine.environment["MONGODB_URL"], _trusted(machine, "DATABASE_CA_FILE"))
    return DockerMongoServer(data, log_path=log) if source is Source.DOCKER else MongoServer(data, log_path=log)
