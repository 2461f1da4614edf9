"""Where each server comes from: pure decisions from what this machine has."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from local.errors import LocalError


class Source(StrEnum):
    """A way to get a server."""

    EXTERNAL = "external"
    EMBEDDED = "embedded"
    INSTALLED = "installed"
    APT = "apt"
    BREW = "brew"
    DOCKER = "docker"


@dataclass(frozen=True)
class Machine:
    """What the decisions are made from."""

    environment: Mapping[str, str]
    is_root: bool
    find_program: Callable[[str], str | None]
    docker_answers: Callable[[], bool]


def this_machine() -> Machine:
    """Returns what is known about the machine we run on; Docker is asked only when a decision needs it."""
    return Machine(os.environ, os.geteuid() == 0, find_program, _docker_answers)


_SERVER_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin", "/usr/local/bin")


def find_program(name: str) -> str | None:
    """Returns where a program is: beside our Python, on the PATH, or in a folder that an ordinary PATH lacks."""
    folders = (str(Path(sys.executable).parent), *os.get_exec_path(), *_SERVER_FOLDERS)
    return shutil.which(name, path=os.pathsep.join(folders))


@cache
def _docker_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def postgres_source(machine: Machine) -> Source:
    """PostgreSQL: the external one, else the one that came with our Python packages."""
    return Source.EXTERNAL if machine.environment.get("POSTGRES_URL") else Source.EMBEDDED


def rabbitmq_source(machine: Machine) -> Source:
    """RabbitMQ: the external one, the one installed, or the first way to get one.

    Raises:
        LocalError: there is no way; the message lists what would help.
    """
    if machine.environment.get("RABBITMQ_URL"):
        return Source.EXTERNAL
    if machine.find_program("rabbitmq-server"):
        return Source.INSTALLED
    if machine.is_root and machine.find_program("apt-get"):
        return Source.APT
    if machine.find_program("brew"):
        return Source.BREW
    if machine.docker_answers():
        return Source.DOCKER
    raise LocalError(
        "RabbitMQ is not here, and there is no way to get it. Do one of these and try again:\n"
        "  - install it (Debian, Ubuntu: sudo apt-get install rabbitmq-server; macOS: brew install rabbitmq)\n"
        "  - start Docker\n"
        "  - set RABBITMQ_URL to a server you have: amqp://user:password@host:5672/vhost"
    )


def mongodb_source(machine: Machine) -> Source:
    """MongoDB: the external one, mongod, Docker, or the development server from our Python packages."""
    if machine.environment.get("MONGODB_URL"):
        return Source.EXTERNAL
    if machine.find_program("mongod"):
        return Source.INSTALLED
    if machine.docker_answers():
        return Source.DOCKER
    return Source.EMBEDDED
