"""RabbitMQ: a private node of the server that is installed."""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import amqp

from local.credentials import Credentials, write_private
from local.errors import LocalError
from local.ports import LOOPBACK, free_port
from local.process import Process
from local.servers.base import Server
from local.servers.sources import find_program

ADMINISTRATOR = "infirmary"
VHOST = "infirmary"
MESSAGE_MAX_BYTES = 1_048_576
"""The same as MESSAGE_MAX_BYTES of the services and the relay: they refuse earlier, and with better words."""
FULL_RIGHTS = {"configure": ".*", "write": ".*", "read": ".*"}

_SERVICE = "[a-z][a-z0-9-]*"
_PART = r"(\.[1-9][0-9]?)?"

ROOMY_PROCESSES = "+hms 8192 +hmbs 262144"
"""Lets a process of the node have at least 64 KiB of heap and 2 MiB of messages before it collects its garbage.

By default a connection that brings a batch collects several times in each: docs/profiles.md has the figures.
"""

# The wrapper in /usr/sbin would change to the system's user and folder; the script behind it runs as anybody.
DEBIAN_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


class RabbitMQServer(Server):
    """A private node in its own data directory, reachable on the loopback interface only; no plugin but metrics."""

    name = "RabbitMQ"

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        users: Iterable[str] = (),
        log_path: Path | None = None,
        metrics_port: int | None = None,
    ) -> None:
        """Prepares the node; nothing runs before `start`.

        Args:
            data_dir: Made when it is missing; what it holds is kept.
            port: A free one when None.
            users: The services that get a user of their own beside the administrator.
            log_path: Default: beside the data.
            metrics_port: Where it serves its metrics; None for nowhere, which needs no plugin.
        """
        self.data_dir = data_dir.resolve()
        self.port = port or free_port()
        self.metrics_port = metrics_port
        self._all_users = (ADMINISTRATOR, *users)
        self._credentials = Credentials(self.data_dir / "credentials.json")
        self.url = self.url_of(ADMINISTRATOR)
        self._distribution_port, self._epmd_port, self._tool_port = free_port(), free_port(), free_port()
        self.processes = self._prepare(log_path or self.data_dir / "server.log")
        self.description = f"RabbitMQ, a private node ({self.processes[-1].command[0]})"

    def _prepare(self, log_path: Path) -> tuple[Process, ...]:
        environment = self._environment()
        # As a child of ours, so that it ends with us: a node that has to start one leaves a daemon behind.
        epmd = Process(
            "epmd",
            [_epmd_program(), "-port", str(self._epmd_port), "-address", LOOPBACK],
            log_path=log_path.with_name("epmd.log"),
            environment=environment,
        )
        node = Process(self.name, [_server_program()], log_path=log_path, environment=environment, stop_deadline_s=20)
        return (epmd, node)

    def url_of(self, user: str) -> str:
        """Returns the amqp URL of one of the users."""
        return f"amqp://{user}:{self._credentials.password(user)}@{LOOPBACK}:{self.port}/{VHOST}"

    def launch(self) -> None:
        """Starts the server and does not wait; its data directory is made first when it is missing."""
        self._write_configuration()
        super().launch()

    def _answers(self) -> bool:
        return rabbitmq_answers(self.port, ADMINISTRATOR, self._credentials.password(ADMINISTRATOR), VHOST)

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

    def _write_configuration(self) -> None:
        self.data_dir.chmod(0o700)
        definitions = self.data_dir / "definitions.json"
        write_private(definitions, self._definitions())
        plugins, configuration = "[].\n", node_configuration(f"{LOOPBACK}:{self.port}", definitions)
        if self.metrics_port is not None:
            plugins = "[rabbitmq_prometheus].\n"
            configuration += f"prometheus.tcp.ip = {LOOPBACK}\nprometheus.tcp.port = {self.metrics_port}\n"
        write_private(self.data_dir / "enabled_plugins", plugins)
        write_private(self.data_dir / "rabbitmq.conf", configuration)
        for folder in ("mnesia", "log", "config", "schema"):
            (self.data_dir / folder).mkdir(exist_ok=True)

    def _definitions(self) -> str:
        return json.dumps(node_definitions({user: self._credentials.password(user) for user in self._all_users}))


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


def node_configuration(listener: str, definitions: Path) -> str:
    """Returns the text of rabbitmq.conf."""
    return (
        f"listeners.tcp.1 = {listener}\n"
        f"load_definitions = {definitions}\n"
        "log.console = true\n"
        "log.console.level = warning\n"
        "log.file = false\n"
        f"max_message_size = {MESSAGE_MAX_BYTES}\n"
    )


def node_definitions(passwords: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    """Returns the virtual host, the users and their rights, as RabbitMQ loads them at each start."""
    return {
        "vhosts": [{"name": VHOST}],
        "users": [
            {
                "name": user,
                "password_hash": password_hash(password, secrets.token_bytes(4)),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator" if user == ADMINISTRATOR else "",
            }
            for user, password in passwords.items()
        ],
        "permissions": [
            {"vhost": VHOST, "user": user, **(FULL_RIGHTS if user == ADMINISTRATOR else service_rights(user))}
            for user in passwords
        ],
    }


def service_rights(service: str) -> dict[str, str]:
    """Returns what a service's user may touch, as patterns of names.

    It may declare its own logs and nobody else's, publish to the default exchange, and read everybody's events and
    what is written to it alone. `<service>.owner` says whose the virtual host is: the broker wants `configure` and
    `read` on it, and `write` on the alternate exchange `<service>.owner.<identity>` that it names. `<service>.inbox` is
    the queue in which a release before got its commands.
    """
    return {
        "configure": rf"^{service}\.((events|to\.{_SERVICE}){_PART}|owner|inbox)$",
        "write": rf"^(amq\.default|{service}\.owner\.[0-9a-f.-]+)$",
        "read": rf"^({_SERVICE}\.(events|to\.{service}){_PART}|{service}\.(owner|inbox))$",
    }


def password_hash(password: str, salt: bytes) -> str:
    """Returns RabbitMQ's form of a password: base64 of a salt of 4 bytes and the SHA-256 of salt and password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


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
