"""`python -m tests.drill --seconds 60` drills restoring on a hospital of its own; exits with 1 if something is lost."""

import secrets
import shutil
import sys
import tempfile
from pathlib import Path

import click

from local.errors import LocalError
from tests.drill.run import run


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="For how long people work before each set-back.")
@click.option("--seed", type=int, help="Repeats the drill of this seed; a new one by default.")
def main(seconds: float, seed: int | None) -> None:
    """Set databases back to backups of different moments, restore them, and check that nothing is lost."""
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    click.echo(f"seed {chosen}")
    folder = Path(tempfile.mkdtemp(prefix="infirmary-drill-"))
    folder.chmod(0o755)  # PostgreSQL may run as somebody else
    try:
        found = run(folder, chosen, seconds, click.echo)
    except LocalError as failure:
        raise click.ClickException(f"The hospital could not be started. {failure}") from failure
    for each in found:
        click.echo(each, err=True)
    if found:
        click.echo(
            f"Again: make drill SECONDS={seconds:g} SEED={chosen}. Logs and databases are in {folder}.", err=True
        )
        sys.exit(1)
    shutil.rmtree(folder, ignore_errors=True)
    click.echo("Everything is as it was.")


if __name__ == "__main__":
    main()
