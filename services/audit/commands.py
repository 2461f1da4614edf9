"""What an operator can do with the record of access, besides what there is for every service."""

import re
import sys
from typing import Any, Final

import click

from infirmary.operator.connection import OperatorDatabase
from infirmary.settings import read
from services.audit.model import Broken, Head, Walk, not_in_chain, upto
from services.audit.settings import AuditSettings

_NOTED: Final = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


class _Noted(click.ParamType[Head]):
    """An end of the chain that somebody has noted: how many records there were, and the hash of the last."""

    name = "RECORDS:HASH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Head:
        """Reads it."""
        noted = _NOTED.fullmatch(str(value))
        if noted is None:
            self.fail(f"{value} is not like 1042:5f2c..., the number of records and the hash of the last", param, ctx)
        return Head(int(noted[1]), bytes.fromhex(noted[2]))


@click.command()
@click.option("--noted", type=_Noted(), help="what was told before: an end that the chain has to have had")
def verify(noted: Head | None) -> None:
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
        if noted is not None:
            broken += Walk(noted).still(store.links(db, noted.position - 1, 1))
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
