"""RabbitMQ and MongoDB as containers, for a machine that has Docker and not the servers themselves."""

import contextlib
import hashlib
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.ports import LOOPBACK
from local.process import Process
from local.servers.mongodb import MongoServer
from local.servers.rabbitmq import ROOMY_PROCESSES, RabbitMQServer
from local.servers.rabbitmq_configuration import node_configuration, stream_configuration

RABBITMQ_IMAGE = "rabbitmq:4"
MONGODB_IMAGE = "mongo:8"

# The file in a data directory that names the volume with the data.
VOLUME_NOTE = "volume"


@dataclass(eq=False)
class Container(Process):
    """A container, through the `docker run` that stays attached to it and passes signals on."""

    container: str = ""

    def start(self) -> None:
        """Starts the container, after removing one of this name that a killed run left behind."""
        if self.pid is None:
            _docker("rm", "--force", self.container)
        super().start()

    def send(self, number: signal.Signals) -> None:
        """Sends the container's first process a signal; SIGKILL would end only the docker command and miss it."""
        if self.pid is not None:
            _docker("kill", "--signal", number.name, self.container)

    def crash(self) -> None:
        """Kills the container; a supervisor starts it again."""
        if self.pid is not None:
            _docker("kill", self.container)
        super().crash()


def _docker(*words: str) -> None:
    """Runs a docker command whose failure means that there was nothing to do."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(["docker", *words], capture_output=True, timeout=30, check=False)


def container_name(kind: str, data_dir: Path) -> str:
    """Returns the name of a data directory's container and volume, always the same one, and notes it there."""
    name = f"infirmary-{kind}-{hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]}"
    data_dir.mkdir(parents=True, exist_ok=True)
    (data_dir / VOLUME_NOTE).write_text(name)
    return name


def run_command(name: str, image: str, options: Sequence[str], arguments: Sequence[str] = ()) -> list[str]:
    """Returns the words that run a container in the foreground and remove it, but not its volume, at its end."""
    return ["docker", "run", "--rm", "--name", name, "--hostname", "infirmary", *options, image, *arguments]


class DockerRabbitMQServer(RabbitMQServer):
    """The private node, in a container.

    Its data is in a volume: in a folder of ours the files would belong to the image's user.
    """

    def _prepare(self, log_path: Path) -> tuple[Process, ...]:
        name = container_name("rabbitmq", self.data_dir)
        options = [
            "--publish", f"{LOOPBACK}:{self.port}:5672",
            "--publish", f"{LOOPBACK}:{self.stream_port}:5552",
            "--volume", f"{name}:/var/lib/rabbitmq",
            "--volume", f"{self.data_dir / 'container'}:/etc/rabbitmq/infirmary:ro",
            "--env", "RABBITMQ_CONFIG_FILE=/etc/rabbitmq/infirmary/rabbitmq.conf",
            "--env", "RABBITMQ_ENABLED_PLUGINS_FILE=/etc/rabbitmq/infirmary/enabled_plugins",
            "--env", f"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS={ROOMY_PROCESSES}",
        ]  # fmt: skip
        command = run_command(name, RABBITMQ_IMAGE, options)
        return (Container(self.name, command, log_path=log_path, stop_deadline_s=20, container=name),)

    def write_configuration(self) -> None:
        """Writes for the image's user, who is not us; the data directory around it lets nobody else in."""
        folder = self.data_dir / "container"
        folder.mkdir(parents=True, exist_ok=True)
        self.data_dir.chmod(0o700)
        folder.chmod(0o755)
        (folder / "definitions.json").write_text(self._definitions())
        configuration = node_configuration("0.0.0.0:5672", Path("/etc/rabbitmq/infirmary/definitions.json"))
        configuration += stream_configuration("0.0.0.0:5552", self.stream_port)
        (folder / "rabbitmq.conf").write_text(configuration)
        (folder / "enabled_plugins").write_text("[rabbitmq_stream].\n")
        for file in folder.iterdir():
            file.chmod(0o644)


class DockerMongoServer(MongoServer):
    """The private server, in a container with its data in a volume."""

    def _prepare(self, log_path: Path) -> Process:
        name = container_name("mongodb", self.data_dir)
        options = ["--publish", f"{LOOPBACK}:{self.port}:27017", "--volume", f"{name}:/data/db"]
        self._command = run_command(
            name, MONGODB_IMAGE, options, ["mongod", "--bind_ip_all", "--wiredTigerCacheSizeGB", "0.25"]
        )
        return Container(self.name, self._command, log_path=log_path, container=name)


def remove_volumes(data: Path) -> None:
    """Removes what the containers of these data directories have stored."""
    for note in data.glob(f"*/{VOLUME_NOTE}"):
        _docker("volume", "rm", "--force", note.read_text())
