"""The operator's commands of one service."""

from dataclasses import asdict

import click

from infirmary import registry
from infirmary.operator.connection import OperatorDatabase
from infirmary.operator.loss_commands import loss_commands
from infirmary.operator.outbox import backlog
from infirmary.operator.parked_commands import as_json, parked_commands
from infirmary.operator.republish_command import republish_command
from infirmary.operator.restore_command import restore_command
from infirmary.operator.saga_commands import saga_commands
from infirmary.operator.tables import show_rows


def operator_commands(service: str, has_saga: bool) -> list[click.Command]:
    """Returns `parked`, `losses`, `outbox`, `claim` and `restore`, and where there is one `republish` and `sagas`."""
    database = OperatorDatabase(service)

    @click.command()
    @as_json
    def outbox(as_json: bool) -> None:
        """Show how many messages wait for the relay, and for how long."""
        with database.reading() as query:
            rows = [asdict(waiting) for waiting in backlog(query)]
        show_rows(rows, as_json, "The outbox is empty.")

    @click.command()
    @click.option("--yes", is_flag=True, help="Do it; without this the command only says what it would do.")
    def claim(yes: bool) -> None:
        """Mark the virtual host as that of this database, which has replaced another one on purpose."""
        identity = database.identity()
        what = f"the virtual host is marked as that of {service} with the database {identity}, whosever it was"
        if not yes:
            raise click.ClickException(f"{what}.\nNothing was changed; --yes does it.")
        with database.broker() as broker:
            broker.disown(service)
            broker.own(service, identity)
        click.echo(f"Done: {what}. Its processes go on within half a minute.")

    always = [parked_commands(database), loss_commands(database), outbox, claim, restore_command(service)]
    tells_again = [republish_command(database)] if registry.tells_again(service) else []
    return [*always, *tells_again, *([saga_commands(database)] if has_saga else [])]
