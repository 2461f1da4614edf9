"""Reads the file that holds a hospital's addresses."""

import shlex
from pathlib import Path

import click


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
