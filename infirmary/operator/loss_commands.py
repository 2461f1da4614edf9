"""`infirmary <name> losses ...`."""

from typing import Any

import click

from infirmary.consumer.loss import unsettled
from infirmary.operator.connection import OperatorDatabase
from infirmary.operator.losses import gaps, go_on_without
from infirmary.operator.parked_commands import as_json
from infirmary.operator.tables import show_rows
from infirmary.transport.log_names import parsed


def loss_commands(database: OperatorDatabase) -> click.Group:
    """Returns the commands for what a service has lost of its logs."""
    group = click.Group("losses", help="What retention has taken of logs before this service had read it.")

    @group.command("list")
    @as_json
    def list_(as_json: bool) -> None:
        """List the logs of which something is lost, until that is settled."""
        with database.reader(to_change=False) as (parked, positions):
            rows: list[dict[str, Any]] = [
                {
                    "log": log,
                    "messages": loss.messages,
                    "written_before": loss.before,
                    "subjects_that_wait": len(gaps(parked, parsed(log).log)),
                }
                for log, loss in sorted(unsettled(positions.losses()).items())
            ]
        show_rows(rows, as_json, "Nothing is lost, or all of it is settled.")

    @group.command()
    @click.argument("log")
    @click.option("--yes", is_flag=True, help="Do it; without this the command only says what it would do.")
    def settle(log: str, yes: bool) -> None:
        """Go on without what is lost of LOG and its parts.

        Better is `republish` at the service that writes the log: it tells how everything is now, and settles the loss.
        """
        try:
            whole = parsed(log).log
        except ValueError as wrong:
            raise click.ClickException(str(wrong)) from wrong
        with database.reader(to_change=yes) as (parked, positions):
            lost = [each for each in unsettled(positions.losses()) if parsed(each).log == whole]
            missing = gaps(parked, whole)
            if not lost and not missing:
                raise click.ClickException(f"nothing of {whole} is lost, and nothing waits for what has not come")
            messages = sum(last - first + 1 for first, last in missing.values())
            what = (
                f"what is lost of {whole} is settled; {len(missing)} subjects go on without {messages} messages that"
                " have not come, and should those come after all, they are dropped"
            )
            if not yes:
                raise click.ClickException(f"{what}.\nNothing was changed; --yes does it.")
            go_on_without(parked, whole, missing)
            for each in lost:
                positions.go_on_without(each)
        click.echo(f"Done: {what}. The running consumer takes up what waited within a second.")

    return group
