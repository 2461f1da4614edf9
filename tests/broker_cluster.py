"""Three private nodes of RabbitMQ that are one cluster: for logs whose leader moves when its node dies."""

from collections.abc import Collection, Mapping
from pathlib import Path
from secrets import token_hex
from types import MappingProxyType, TracebackType
from typing import Self

from local.credentials import Credentials, write_private
from local.ports import free_port
from local.process import Process
from local.servers.rabbitmq import RabbitMQServer, epmd_process

NAMES = ("n1@localhost", "n2@localhost", "n3@localhost")


class ClusterNode(RabbitMQServer):
    """One node: a server of its own, which can be killed and started again, and stays a member of its cluster."""

    def __init__(self, folder: Path, name: str, epmd_port: int, users: Mapping[str, Collection[str]]) -> None:
        """Prepares the node in a folder of its own beside the others'; nothing runs before `start`."""
        self._names = {"RABBITMQ_NODENAME": name, "ERL_EPMD_PORT": str(epmd_port), "HOME": str(folder)}
        passwords = Credentials(folder / "credentials.json")
        super().__init__(folder / name.partition("@")[0], users=users, credentials=passwords)
        self.description = f"RabbitMQ, the node {name} of a cluster"

    def _environment(self) -> dict[str, str]:
        """Returns that of a single node, with the cluster's cookie and the epmd that knows where the others are."""
        return super()._environment() | self._names

    def _prepare(self, log_path: Path) -> tuple[Process, ...]:
        """Leaves out the epmd of a single node: the cluster's lives on when this node is killed."""
        return super()._prepare(log_path)[-1:]

    def write_configuration(self) -> None:
        """Writes what the node reads at its start, and of which cluster it is."""
        super().write_configuration()
        file = self.data_dir / "rabbitmq.conf"
        lines = ["cluster_formation.peer_discovery_backend = classic_config"]
        lines += [f"cluster_formation.classic_config.nodes.{number} = {name}" for number, name in enumerate(NAMES, 1)]
        write_private(file, file.read_text() + "\n".join(lines) + "\n")


class BrokerCluster:
    """Three nodes with the same users and passwords, each on ports of its own, which it tells clients of logs."""

    def __init__(self, folder: Path, users: Mapping[str, Collection[str]] = MappingProxyType({})) -> None:
        """Prepares the cluster; nothing runs before it is entered."""
        port = free_port()
        self._epmd = epmd_process(port, folder / "epmd.log")
        self._cookie = folder / ".erlang.cookie"
        self.nodes = tuple(ClusterNode(folder, name, port, users) for name in NAMES)

    def node(self, stream_port: int) -> ClusterNode:
        """Returns the node that tells clients of logs to come to this port."""
        (found,) = (node for node in self.nodes if node.stream_port == stream_port)
        return found

    def __enter__(self) -> Self:
        """Starts the nodes together, which find each other by a lock, and waits until each takes requests."""
        try:
            write_private(self._cookie, token_hex(16))
            self._epmd.start()
            for node in self.nodes:
                node.launch()
            for node in self.nodes:
                node.wait_until_ready()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        """Kills all: stopping each in good order would wait for the others to take over its logs."""
        for node in self.nodes:
            node.kill()
        self._epmd.stop()
