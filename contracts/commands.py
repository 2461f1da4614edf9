"""`python -m contracts`: writes or checks the schemas of all messages."""

import os

import click

from contracts.declarations import load
from contracts.history import seconds_of
from contracts.rules import ADVICE
from contracts.working_copy import Findings, WorkingCopy
from infirmary import registry


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail when something does not fit.")
def contracts(check: bool) -> None:
    """Write the schemas of all messages anew, or check that publishers and readers fit."""
    working_copy = _working_copy()
    if not check:
        refused = working_copy.write()
        if refused:
            raise click.ClickException(_listed(refused, f"Nothing was written: {ADVICE}."))
    _tell(working_copy.check())


def _working_copy() -> WorkingCopy:
    handled = {}
    for service in registry.names():
        handlers = registry.handlers_of(service)
        registered = [*handlers.events.values(), *handlers.commands.values()]
        handled[service] = {message for message, _ in registered}
    try:
        kept_s = seconds_of(os.environ.get("RELAY_LOG_MAX_AGE", "30D"))
    except ValueError as wrong:
        raise click.ClickException(str(wrong)) from None
    return WorkingCopy(registry.folder().parent, load(), handled, kept_s)


def _tell(found: Findings) -> None:
    if found.unread:
        click.echo(f"Nobody reads yet: {', '.join(found.unread)}.")
    if found.idle:
        click.echo(f"Lifted from shapes that no log keeps any more: {', '.join(found.idle)}.")
    for unseen in found.unchecked:
        click.echo(f"Not checked: {unseen}.", err=True)
    if found.breaking:
        first = "`make contracts` first, if the schemas are older than the code. " if found.stale else ""
        raise click.ClickException(
            _listed([*found.breaking, *found.stale], f"{first}The contracts do not hold; {ADVICE}.")
        )
    if found.stale:
        raise click.ClickException(_listed(found.stale, "Run `make contracts` and commit what it writes."))


def _listed(lines: list[str], advice: str) -> str:
    return "\n  ".join(["Messages and their readers do not fit:", *lines]) + f"\n{advice}"
