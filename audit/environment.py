"""Reads a hospital's addresses: from the file of a hospital on this machine, or from the process's own environment."""

import os
import shlex
from pathlib import Path

import click

from audit.addresses import services_in

DEFAULT_FILE = Path(".run/infirmary.env")


def hospital_environment(path: Path | None) -> dict[str, str]:
    """Returns the variables that lead to a hospital.

    Those of the file that was named; else the process's own, if there is a hospital's database among them; else those
    of the file that `make up` writes.

    Raises:
        click.ClickException: There is no such file: the hospital is not running.
    """
    if path is None and any(each.database_url for each in services_in(os.environ).values()):
        return dict(os.environ)
    return read_environment(path or DEFAULT_FILE)


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
