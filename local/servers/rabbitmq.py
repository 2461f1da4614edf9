"""RabbitMQ: a private node of the server that is installed."""

import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

import amqp

from local.credentials import Credentials, write_private
from local.errors import LocalError
from local.ports import LOOPBACK, free_port, listens
from local.process import Process
from local.servers.base import Server
from local.servers.rabbitmq_configuration import (
    ADMINISTRATOR,
    VHOST,
    node_configuration,
    node_definitions,
    stream_configuration,
)
from local.servers.sources import find_program

ROOMY_PROCESSES = "+hms 8192 +hmbs 262144"
"""Lets a process of the node have at least 64 KiB of heap and 2 MiB of messages before it collects its garbage.

By default a connection that brings a batch collects several times in each: docs/profiles.md has the figures.
"""

# The wrapper in /usr/sbin would change to the system's user and folder; the script behind it runs as anybody.
DEBIAN_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class RabbitMQServer(Server):
    """A private node in its own data directory, reachable on the loopback interface only.

    `stream_port` is where it speaks the stream protocol; 0 where it does not.
    """

    name = "RabbitMQ"

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        stream_port: int | None = None,
        users: Mapping[str, Collection[str]] = MappingProxyType({}),
        log_path: Path | None = None,
        metrics_port: int | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        """Prepares the node; nothing runs before `start`.

        Args:
            data_dir: Made when it is missing; what it holds is kept.
            port: A free one when None.
            stream_port: A free one when None; 0 for a node without the plugin, as some providers have it.
            users: The services that get a user of their own beside the administrator, and the stems of the logs that
                each reads.
            log_path: Default: beside the data.
            metrics_port: Where it serves its metrics; None for nowhere, which needs no plugin.
            credentials: The users' passwords; those of its own data directory when None.
        """
        self.data_dir = data_dir.resolve()
        self.port = port or free_port()
        self.stream_port = free_port() if stream_port is None else stream_port
        self.metrics_port = metrics_port
        self._reads = users
        self._credentials = credentials or Credentials(self.data_dir / "credentials.json")
        self.url = self.url_of(ADMINISTRATOR)
        self._distribution_port, self._epmd_port, self._tool_port = free_port(), free_port(), free_port()
        self.processes = self._prepare(log_path or self.data_dir / "server.log")
        self.description = f"RabbitMQ, a private node ({self.processes[-1].command[0]})"

    def _prepare(self, log_path: Path) -> tuple[Process, ...]:
        environment = self._environment()
        epmd = epmd_process(self._epmd_port, log_path.with_name("epmd.log"), environment)
        node = Process(self.name, [_server_program()], log_path=log_path, environment=environment, stop_deadline_s=20)
        return (epmd, node)

    def url_of(self, user: str) -> str:
        """Returns the amqp URL of one of the users."""
        return f"amqp://{user}:{self._credentials.password(user)}@{LOOPBACK}:{self.port}/{VHOST}"

    def launch(self) -> None:
        """Starts the server and does not wait; its data directory is made first when it is missing."""
        self.write_configuration()
        super().launch()

    def _answers(self) -> bool:
        password = self._credentials.password(ADMINISTRATOR)
        return (not self.stream_port or listens(self.stream_port)) and rabbitmq_answers(
            self.port, ADMINISTRATOR, password, VHOST
        )

    def _environment(self) -> dict[str, str]:
        """Returns the environment in which the scripts look at nothing of the system's node."""
        here = self.data_dir
        settings = {
            "NODENAME": "infirmary@localhost",  # names the data folder, so it stays the same on every port
            "CONF_ENV_FILE": here / "none",
            "DIST_PORT": self._distribution_port,
            "MNESIA_BASE": here / "mnesia",
            "LOG_BASE": here / "log",
            "LOGS": "-",
            "CONFIG_FILE": here / "rabbitmq.conf",
            "ADVANCED_CONFIG_FILE": here / "advanced.config",
            "ENABLED_PLUGINS_FILE": here / "enabled_plugins",
            "GENERATED_CONFIG_DIR": here / "config",
            "SCHEMA_DIR": here / "schema",
            "PID_FILE": here / "node.pid",
            "CTL_DIST_PORT_MIN": self._tool_port,
            "CTL_DIST_PORT_MAX": self._tool_port,
            "SERVER_ADDITIONAL_ERL_ARGS": f"-kernel inet_dist_use_interface {{127,0,0,1}} {ROOMY_PROCESSES}",
        }
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")},
            **{f"RABBITMQ_{name}": str(value) for name, value in settings.items()},
            "HOME": str(here),  # holds the node's cookie
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_CRASH_DUMP_SECONDS": "0",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the node, so that the child's id is the node's
        }

    def write_configuration(self) -> None:
        """Writes what the node reads at its start: its settings, plugins and definitions."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.data_dir.chmod(0o700)
        definitions = self.data_dir / "definitions.json"
        write_private(definitions, self._definitions())
        plugins, configuration = [], node_configuration(f"{LOOPBACK}:{self.port}", definitions)
        if self.stream_port:
            plugins.append("rabbitmq_stream")
            configuration += stream_configuration(f"{LOOPBACK}:{self.stream_port}", self.stream_port)
        if self.metrics_port is not None:
            plugins.append("rabbitmq_prometheus")
            configuration += f"prometheus.tcp.ip = {LOOPBACK}\nprometheus.tcp.port = {self.metrics_port}\n"
        write_private(self.data_dir / "enabled_plugins", f"[{','.join(plugins)}].\n")
        write_private(self.data_dir / "rabbitmq.conf", configuration)
        for folder in ("mnesia", "log", "config", "schema"):
            (self.data_dir / folder).mkdir(exist_ok=True)

    def _definitions(self) -> str:
        passwords = {user: self._credentials.password(user) for user in (ADMINISTRATOR, *self._reads)}
        return json.dumps(node_definitions(passwords, self._reads))


def rabbitmq_answers(port: int, user: str, password: str, vhost: str, host: str = LOOPBACK) -> bool:
    """Tells whether the user can open a channel."""
    try:
        with amqp.Connection(
            f"{host}:{port}", userid=user, password=password, virtual_host=vhost, connect_timeout=2, read_timeout=5
        ) as connection:
            connection.channel()
    except (OSError, amqp.AMQPError):
        return False
    return True


def epmd_process(port: int, log_path: Path, environment: Mapping[str, str] | None = None) -> Process:
    """Returns the process that tells nodes each other's ports, not yet started.

    As a child of ours it ends with us: a node that has to start one leaves a daemon behind.
    """
    command = [_epmd_program(), "-port", str(port), "-address", LOOPBACK]
    return Process("epmd", command, log_path=log_path, environment=environment)


def _server_program() -> str:
    program = str(DEBIAN_SERVER) if DEBIAN_SERVER.exists() else find_program("rabbitmq-server")
    if program is None:
        raise LocalError("rabbitmq-server is missing: run `make setup`")
    return str(program)


def _epmd_program() -> str:
    program = find_program("epmd") or next(iter(Path("/usr/lib/erlang").glob("erts-*/bin/epmd")), None)
    if program is None:
        raise LocalError("epmd, which is a part of Erlang, is missing: run `make setup`")
    return str(program)
