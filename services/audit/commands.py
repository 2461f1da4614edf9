"""What an operator can do with the record of access, besides what there is for every service."""

import sys

import click

from infirmary.operator.connection import OperatorDatabase
from infirmary.settings import read
from services.audit.model import Broken, Walk, not_in_chain, upto
from services.audit.settings import AuditSettings


@click.command()
def verify() -> None:
    """Walk along the chain of records and name each place where one is missing, changed, or not in its own.

    A break whose name is in RECORD_BREAKS_EXPLAINED is no reason to fail.
    """
    from services.audit import store  # what only lists the commands does without its statements

    walk, broken = Walk(), list[Broken]()
    with OperatorDatabase("audit").reading() as db:
        head = store.head(db)
        while links := store.links(db, walk.head.position):
            broken += walk.on(upto(links, head))
            if head is not None and links[-1].position >= head.position:
                break
        broken += [*walk.end(head), *not_in_chain(store.outside(db))]
    explained = read(AuditSettings).record_breaks_explained or ()
    for each in broken:
        known = ", explained" if each.name in explained else ""
        click.echo(f"BROKEN at record {each.position}: {each.why}. ({each.name}{known})")
    if any(each.name not in explained for each in broken):
        sys.exit(1)
    where = "where it was put" if not broken else "where it was put but for those"
    click.echo(f"{walk.head.position} records, each {where}. The hash of the last is {walk.head.hash.hex()}.")


commands = [verify]
"""The commands of audit."""
