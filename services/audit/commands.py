"""What an operator can do with the record of access, besides what there is for every service."""

import sys

import click

from infirmary.operator.connection import OperatorDatabase
from services.audit.model import Walk


@click.command()
def verify() -> None:
    """Walk along the chain of records and name the first that is missing, changed, or in another's place."""
    from services.audit import store  # what only lists the commands does without its statements

    walk = Walk()
    with OperatorDatabase("audit").reading() as db:
        head = store.head(db)
        broken = walk.along(store.links(db), head)
    if broken is not None:
        click.echo(f"BROKEN at record {broken.position}: {broken.why}. The {walk.head.position} before it hold.")
        sys.exit(1)
    click.echo(f"{walk.head.position} records, each where it was put. The hash of the last is {walk.head.hash.hex()}.")


commands = [verify]
"""The commands of audit."""
