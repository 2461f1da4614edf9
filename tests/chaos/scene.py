"""The whole hospital in reach of the nemesis: processes, servers, and a bad network before the servers."""

import os
import signal
import subprocess
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
from local.servers.sources import find_program
from local.topology import SERVICES, Engine, Role, Service
from tests.chaos.clocks import Clocks, library
from tests.chaos.proxy import Proxy

BATCH_ROWS, WINDOWS = 50, 2
"""Smaller than in production, so that a repeat of more than the unconfirmed window stands out."""

OWN_CLOCKS = ("prescription", "inventory", "admission")
"""The services whose processes have clocks that can be set: both orchestrators of sagas and a participant."""

TOOL_DEADLINE_S = 60
NODE = "infirmary@localhost"
_ERL_CALL = Path("/usr/lib/erlang/lib")
_DEBIAN_TOOL = Path("/usr/lib/rabbitmq/bin/rabbitmqctl")  # the one in /usr/sbin would change to the system's user


@dataclass
class Scene:
    """A hospital that runs, for the nemesis to break."""

    hospital: Hospital
    postgres: PostgresServer
    rabbitmq: RabbitMQServer
    postgres_proxy: Proxy
    rabbitmq_proxy: Proxy
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

    def tell_rabbitmq(self, expression: str) -> None:
        """Has the node evaluate an Erlang expression, as an operator's tool would.

        Raises:
            RuntimeError: It will not.
        """
        quick = find_program("erl_call") or next(map(str, _ERL_CALL.glob("erl_interface-*/bin/erl_call")), None)
        if quick is not None:
            command, said = [quick, "-sname", NODE, "-e"], f"{expression}.\n"
        else:  # starts an Erlang of its own, which takes seconds
            tool = str(_DEBIAN_TOOL) if _DEBIAN_TOOL.exists() else find_program("rabbitmqctl") or "rabbitmqctl"
            command, said = [tool, "--quiet", "eval", f"{{ok, {expression}}}."], ""
        done = subprocess.run(
            command,
            input=said,
            env=self.rabbitmq.processes[-1].environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=TOOL_DEADLINE_S,
        )
        if done.returncode != 0 or not done.stdout.startswith("{ok"):
            raise RuntimeError(f"RabbitMQ will not {expression}: {done.stdout}{done.stderr}")

    def heal(self) -> None:
        """Makes sure that nothing is broken any more, whatever became of the faults."""
        for proxy in (self.postgres_proxy, self.rabbitmq_proxy):
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
def running_scene(folder: Path, announce: Announce, *, brokers_metrics: int | None = None) -> Iterator[Scene]:
    """Starts servers of our own, a proxy before each, and a hospital that is told the proxies' addresses.

    Args:
        folder: For databases and logs.
        announce: Gets a line for each thing that is done.
        brokers_metrics: The port at which RabbitMQ serves its metrics, None for nowhere.

    Raises:
        LocalError: it cannot be started.
    """
    postgres = PostgresServer(folder / "postgres", settings={"max_connections": "400"})
    rabbitmq = RabbitMQServer(folder / "rabbitmq", metrics_port=brokers_metrics)
    clocks = Clocks(folder / "clocks", library(announce))
    with ExitStack() as stack:
        stack.callback(clocks.close)
        announce("Starting RabbitMQ and PostgreSQL, and a bad network before them")
        for server in (rabbitmq, postgres):
            stack.callback(server.stop)
            server.launch()
        for server in (postgres, rabbitmq):
            server.wait_until_ready()
        postgres_proxy, rabbitmq_proxy = (stack.enter_context(Proxy(server.port)) for server in (postgres, rabbitmq))
        stack.enter_context(patch.dict(os.environ, _addresses(postgres, rabbitmq, postgres_proxy, rabbitmq_proxy)))
        command = partial(observed_command, clocks)
        hospital = stack.enter_context(
            running_hospital(folder / "hospital", fresh=True, announce=announce, command=command)
        )
        yield Scene(hospital, postgres, rabbitmq, postgres_proxy, rabbitmq_proxy, clocks)


def _addresses(
    postgres: PostgresServer, rabbitmq: RabbitMQServer, postgres_proxy: Proxy, rabbitmq_proxy: Proxy
) -> Mapping[str, str]:
    return {
        "POSTGRES_URL": postgres_proxy.url(postgres.url),
        "RABBITMQ_URL": rabbitmq_proxy.url(rabbitmq.url),
        "RELAY_BATCH_ROWS": str(BATCH_ROWS),
        "RELAY_WINDOWS": str(WINDOWS),
    }
