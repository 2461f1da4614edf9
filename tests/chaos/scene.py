"""The whole hospital in reach of the nemesis: processes, servers, and a bad network before the servers."""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from unittest.mock import patch

from local.hospital import Announce, Hospital, running_hospital
from local.ports import free_port
from local.process import Process
from local.servers.base import Server
from local.servers.postgres import PostgresServer
from local.servers.rabbitmq import RabbitMQServer
from local.topology import SERVICES, Engine, Role, Service
from tests.chaos.broker_side import BrokerSide
from tests.chaos.clocks import Clocks, library
from tests.chaos.proxy import Proxy

BATCH_ROWS, WINDOWS = 50, 2
"""Smaller than in production, so that a repeat of more than the unconfirmed window stands out."""

OWN_CLOCKS = ("prescription", "inventory", "admission")
"""The services whose processes have clocks that can be set: both orchestrators of sagas and a participant."""


@dataclass
class Scene:
    """A hospital that runs, for the nemesis to break.

    Attributes:
        postgres_proxy: Before PostgreSQL.
        rabbitmq_proxies: Before each listener of RabbitMQ: AMQP's, and that of the stream protocol if logs go by it.
    """

    hospital: Hospital
    postgres: PostgresServer
    rabbitmq: RabbitMQServer
    postgres_proxy: Proxy
    rabbitmq_proxies: tuple[Proxy, ...]
    clocks: Clocks

    @property
    def mongodb(self) -> Server:
        """The MongoDB server."""
        return self.hospital.servers.mongodb

    def some_service(self, chance: Random, role: Role = Role.CONSUMER, engine: Engine | None = None) -> Service:
        """Returns a service that has a process in this role."""
        fitting = [each for each in SERVICES if role in each.roles and engine in (None, each.engine)]
        return chance.choice(fitting)

    def some_process(self, chance: Random, role: Role) -> Process:
        """Returns a process in this role."""
        return self.hospital.process(self.some_service(chance, role).name, role)

    def second_relay(self, service: Service) -> Process:
        """Returns another relay of a service, not yet started."""
        process = self.hospital.plan.process(service, Role.RELAY)
        process.name += "-2"
        process.environment = {**(process.environment or {}), "METRICS_PORT": str(free_port())}
        return process

    def database_url(self, service: str) -> str:
        """Returns the URL of a service's database that leads past the proxy."""
        url = self.hospital.env[f"{service.upper()}_DATABASE_URL"]
        return url.replace(f":{self.postgres_proxy.port}/", f":{self.postgres.port}/")

    def heal(self) -> None:
        """Makes sure that nothing is broken any more, whatever became of the faults."""
        for proxy in (self.postgres_proxy, *self.rabbitmq_proxies):
            proxy.restore()
        for process in (*self.hospital.server_processes, *self.hospital.processes):
            process.send(signal.SIGCONT)
            process.start()
        for server in (self.postgres, self.rabbitmq):
            server.start()


def observed_command(clocks: Clocks, service: Service, role: str) -> list[str]:
    """Returns the command line of a service's process, its consumer observed."""
    words = ["relay", service.name] if role == Role.RELAY else ["services", service.name, role]
    command = [sys.executable, "-m", "tests.chaos.observed", *words]
    return clocks.command(f"{service.name}-{role}", command) if service.name in OWN_CLOCKS else command


@contextmanager
def running_scene(
    folder: Path,
    announce: Announce,
    *,
    side: BrokerSide = BrokerSide.STREAMS,
    brokers_metrics: int | None = None,
) -> Iterator[Scene]:
    """Starts servers of our own, a proxy before each listener, and a hospital that is told the proxies' addresses.

    Args:
        folder: For databases and logs.
        announce: Gets a line for each thing that is done.
        side: By which protocol logs are written and read.
        brokers_metrics: The port at which RabbitMQ serves its metrics, None for nowhere.

    Raises:
        LocalError: it cannot be started.
    """
    postgres = PostgresServer(folder / "postgres", settings={"max_connections": "400"})
    rabbitmq = RabbitMQServer(
        folder / "rabbitmq",
        stream_port=None if side is BrokerSide.STREAMS else 0,
        metrics_port=brokers_metrics,
    )
    clocks = Clocks(folder / "clocks", library(announce))
    with ExitStack() as stack:
        stack.callback(clocks.close)
        announce(f"Starting RabbitMQ and PostgreSQL, and a bad network before them; logs go by {side}")
        for server in (rabbitmq, postgres):
            stack.callback(server.stop)
            server.launch()
        for server in (postgres, rabbitmq):
            server.wait_until_ready()
        postgres_proxy = stack.enter_context(Proxy(postgres.port))
        rabbitmq_proxies = tuple(
            stack.enter_context(Proxy(port)) for port in (rabbitmq.port, rabbitmq.stream_port) if port
        )
        stack.enter_context(patch.dict(os.environ, _addresses(postgres, rabbitmq, postgres_proxy, *rabbitmq_proxies)))
        command = partial(observed_command, clocks)
        hospital = stack.enter_context(
            running_hospital(folder / "hospital", fresh=True, announce=announce, command=command)
        )
        yield Scene(hospital, postgres, rabbitmq, postgres_proxy, rabbitmq_proxies, clocks)


def _addresses(
    postgres: PostgresServer,
    rabbitmq: RabbitMQServer,
    postgres_proxy: Proxy,
    amqp_proxy: Proxy,
    stream_proxy: Proxy | None = None,
) -> Mapping[str, str]:
    return {
        "POSTGRES_URL": postgres_proxy.url(postgres.url),
        "RABBITMQ_URL": amqp_proxy.url(rabbitmq.url),
        "RABBITMQ_STREAM_PORT": str(stream_proxy.port if stream_proxy is not None else 0),
        "RELAY_BATCH_ROWS": str(BATCH_ROWS),
        "RELAY_WINDOWS": str(WINDOWS),
    }
