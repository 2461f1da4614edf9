"""Gets what is missing from the system's packages, without letting RabbitMQ's start the system's own node."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.errors import LocalError
from local.servers.sources import Source

POLICY = Path("/usr/sbin/policy-rc.d")
LOG_LINES_SHOWN = 20


def install_rabbitmq(source: Source, announce: Callable[[str], None]) -> None:
    """Installs RabbitMQ with apt-get or brew.

    Raises:
        LocalError: the installation failed; the message has the end of what it said.
    """
    announce(f"RabbitMQ is not installed: installing it with {'apt-get' if source is Source.APT else 'brew'} (minutes)")
    if source is Source.BREW:
        _run(["brew", "install", "rabbitmq"])
        return
    with services_stay_down(POLICY):
        install_package("rabbitmq-server")
    if shutil.which("systemctl"):  # we need the program only, so the system's node stays down after a reboot too
        _run(["systemctl", "disable", "rabbitmq-server"])


def install_package(name: str) -> None:
    """Installs a package with apt-get.

    Raises:
        LocalError: the installation failed; the message has the end of what it said.
    """
    _run(["apt-get", "update", "-q"])
    _run(["apt-get", "install", "-q", "-y", "--no-install-recommends", name])


@contextmanager
def services_stay_down(policy: Path) -> Iterator[None]:
    """Tells Debian's package scripts to start no service, through the file that they ask; an existing one is kept.

    Otherwise the package starts a node of the system's at once.
    """
    made_here = not policy.exists()
    if made_here:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        yield
    finally:
        if made_here:
            policy.unlink()


def _run(command: Sequence[str]) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-LOG_LINES_SHOWN:])
        raise LocalError(f"`{' '.join(command)}` failed:\n{said}")
