"""How a page is followed: an environment as its `pip install` makes it, and its commands."""

import re
import signal
import subprocess
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import amqp

from local.ports import free_port
from tests.contract.pages import REPOSITORY
from tests.integration.installation import STREAMS, build_wheel, environment


def installed(folder: Path, extras: Sequence[str] = (), others: Iterable[str] = ()) -> Path:
    """Makes an environment with our three distributions, without an index, and returns the folder of its programs.

    Args:
        folder: Where.
        extras: The library's extras.
        others: Distributions that the page installs besides.
    """
    wheels, required = [], list(others)
    for source, chosen in ((REPOSITORY, extras), (REPOSITORY / "relay", ()), (STREAMS, ())):
        project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
        required += project["dependencies"]
        required += [each for extra in chosen for each in project["optional-dependencies"][extra]]
        (folder / project["name"]).mkdir()
        wheels.append(build_wheel(source, folder / project["name"]))
    return environment(folder / "environment", wheels, required)


def forget(rabbitmq_url: str, logs: Iterable[str], services: Iterable[str]) -> None:
    """Deletes the logs of a page, and the marks of its services on the virtual host."""
    host = re.fullmatch(r"amqp://(?P<user>[^:]+):(?P<password>[^@]+)@(?P<host>[^/]+)/(?P<vhost>.*)", rabbitmq_url)
    assert host is not None
    with amqp.Connection(host["host"], host["user"], host["password"], virtual_host=host["vhost"] or "/") as connection:
        channel = connection.channel()
        for log in logs:
            channel.queue_delete(log)
        for service in services:
            channel.exchange_delete(f"{service}.owner")


@contextmanager
def running(command: str, folder: Path, variables: dict[str, str]) -> Iterator[Path]:
    """Runs a command of the page that goes on until it is stopped; gives the file of what it prints."""
    path = folder / f"{re.sub('[^a-z]+', '-', command)}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(
            ["sh", "-c", f"exec env {command}"],
            cwd=folder,
            env={"METRICS_PORT": str(free_port())} | variables,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield path
            assert process.poll() is None, path.read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def given(command: str, folder: Path, variables: dict[str, str]) -> str:
    """Gives a command of the page that comes to an end, and returns what it prints.

    Raises:
        AssertionError: It fails.
    """
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
