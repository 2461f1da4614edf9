"""Reads a hospital's addresses: from the file of a hospital on this machine, or from the process's own environment."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import click

from audit.addresses import services_in
from audit.hospital import HOSPITAL

DEFAULT_FILE = Path(".run/infirmary.env")


def hospital_environment(path: Path | None) -> dict[str, str]:
    """Returns the variables that lead to a hospital.

    Those of the file that was named; else of the file that `make up` writes, if there is one; else the process's own,
    if there is a service's database among them.

    Raises:
        click.ClickException: There is no such file: the hospital is not running.
    """
    own = of_services(os.environ)
    if path is None and not DEFAULT_FILE.exists() and any(each.database_url for each in services_in(own).values()):
        return own
    return read_environment(path or DEFAULT_FILE)


def of_services(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns a process's variables without addresses that are no service's, such as PIP_INDEX_URL."""
    services = set(services_in({name: value for name, value in environment.items() if not _is_bare(name)}, HOSPITAL))
    return {
        name: value
        for name, value in environment.items()
        if not _is_bare(name) or name in ("RABBITMQ_URL", "DATABASE_URL") or name[: -len("_URL")].lower() in services
    }


def _is_bare(name: str) -> bool:
    return name.endswith("_URL") and not name.endswith("_DATABASE_URL")


def read_environment(path: Path) -> dict[str, str]:
    """Returns the variables of a file of shell assignments.

    Raises:
        click.ClickException: There is no such file: the hospital is not running.
    """
    if not path.exists():
        raise click.ClickException(
            f"there is no {path}: start the hospital with `make up`, or name its file with --env"
        )
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name: "".join(shlex.split(value)) for name, _, value in pairs}
