"""Services on real servers: databases, relays, and pods of any release that come, are killed and go."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg

from infirmary.postgres.migrate import migrate_library
from infirmary.settings import Settings
from tests.chaos.nemesis.post import Post
from tests.integration.relay.process import ROOT, RelayProcess

Words = tuple[str, ...]


class Site:
    """The services of one test.

    Attributes:
        databases: A connection to each service's database.
    """

    def __init__(
        self, settings: Mapping[str, Settings], logs: Sequence[str], rabbitmq_url: str, stream_port: int, folder: Path
    ) -> None:
        """Makes the library's tables and empty logs, and starts a relay for each service that writes one.

        Args:
            settings: Each service's empty database.
            logs: What is written; each log's name begins with its writer's.
            rabbitmq_url: The broker.
            stream_port: Where it speaks the stream protocol.
            folder: For what the processes say.
        """
        broker = {"RABBITMQ_URL": rabbitmq_url, "RABBITMQ_STREAM_PORT": str(stream_port)}
        self._folder = folder
        self._environment = {name: {"DATABASE_URL": each.database_url, **broker} for name, each in settings.items()}
        self._pods: list[tuple[Words, subprocess.Popen[bytes]]] = []
        for service, each in settings.items():
            migrate_library(service, each)
        self.databases = {
            name: psycopg.connect(each.as_owner().database_url, autocommit=True) for name, each in settings.items()
        }
        with Post(rabbitmq_url) as post:
            for log in {*logs, *(f"{service}.events" for service in settings)}:
                post.delete(log)  # what another test's service of this name has said would look like a lost past
            for log in logs:
                post.declare_log(log)
            for service in settings:
                post.disown(service)
        self._relays = [
            RelayProcess(writer, folder / f"{writer}-relay.log", **self._environment[writer])
            for writer in sorted({log.partition(".")[0] for log in logs})
        ]

    def start(self, *words: str) -> None:
        """Starts a pod; the words are its service and which release of it."""
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        with (self._folder / f"{'-'.join(words)}.log").open("ab") as log:
            pod = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.upgrades.pod", *words],
                cwd=ROOT,
                env=inherited | self._environment[words[0]],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._pods.append((words, pod))

    def kill(self, *words: str) -> None:
        """Kills all pods of a release with SIGKILL."""
        for each in [each for each in self._pods if each[0] == words]:
            each[1].kill()
            each[1].wait()
            self._pods.remove(each)

    def close(self) -> None:
        """Ends everything, and prints what was said."""
        for _, pod in self._pods:
            pod.kill()
            pod.wait()
        for relay in self._relays:
            relay.kill()
        for database in self.databases.values():
            database.close()
        for file in sorted(self._folder.glob("*.log")):
            print(f"{file.name}:\n{file.read_text()[-4000:]}")
