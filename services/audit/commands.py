"""What an operator can do with the record of access, besides what there is for every service."""

import sys

import click

from infirmary.operator.connection import OperatorDatabase
from services.audit.model import Broken, Walk, not_in_chain, upto


@click.command()
def verify() -> None:
    """Walk along the chain of records and name each place where one is missing, changed, or not in its own."""
    from services.audit import store  # what only lists the commands does without its statements

    walk, broken = Walk(), list[Broken]()
    with OperatorDatabase("audit").reading() as db:
        head = store.head(db)
        while links := store.links(db, walk.head.position):
            broken += walk.on(upto(links, head))
            if head is not None and links[-1].position >= head.position:
                break
        broken += [*walk.end(head), *not_in_chain(store.outside(db))]
    for each in broken:
        click.echo(f"BROKEN at record {each.position}: {each.why}. ({each.name})")
    if broken:
        sys.exit(1)
    click.echo(f"{walk.head.position} records, each where it was put. The hash of the last is {walk.head.hash.hex()}.")


commands = [verify]
"""The commands of audit."""
