"""`infirmary <name> parked ...`."""

from typing import Any

import click

from infirmary.consumer.parked import ParkedMessage
from infirmary.operator.connection import OperatorDatabase
from infirmary.operator.parked import CannotDiscard, check_discard, check_skip, is_numbered
from infirmary.operator.parked import discard as give_up
from infirmary.operator.parked import skip as go_on_with
from infirmary.operator.tables import show_record, show_rows
from infirmary.transport.log_names import parsed

as_json = click.option("--json", "as_json", is_flag=True, help="For machines.")


def parked_commands(database: OperatorDatabase) -> click.Group:
    """Returns the commands for a service's parked messages."""
    group = click.Group("parked", help="Messages that could not be applied, and those that wait behind them.")

    @group.command("list")
    @as_json
    def list_(as_json: bool) -> None:
        """List them, oldest first."""
        with database.parked(to_change=False) as parked:
            rows = [_line(held) for held in parked.everything()]
        show_rows(rows, as_json, "Nothing is parked.")

    @group.command()
    @click.argument("parked_id", metavar="ID")
    @click.option("-v", "--verbose", is_flag=True, help="With the calls in the code that led to the error.")
    @as_json
    def show(parked_id: str, verbose: bool, as_json: bool) -> None:
        """Show one with its whole error, attributes and body."""
        with database.parked(to_change=False) as parked:
            held = parked.find(parked_id)
        if held is None:
            raise click.ClickException(f"there is no parked message {parked_id}")
        shown = _line(held) | {"attributes": held.properties, "body": held.contents()}
        if verbose or as_json:
            shown["traceback"] = held.calls
        show_record(shown, as_json)

    @group.command()
    @click.argument("parked_id", metavar="[ID]", required=False)
    @click.option("--all", "every", is_flag=True, help="All of them.")
    def retry(parked_id: str | None, every: bool) -> None:
        """Have the running consumer try one, or all, now instead of when its pause is over."""
        if (parked_id is None) is not every:
            raise click.UsageError("give either an ID or --all")
        with database.parked(to_change=True) as parked:
            due = parked.make_due(parked_id)
        if not due and not every:
            raise click.ClickException(f"there is no parked message {parked_id} that could be tried")
        click.echo(f"Due now: {due}. The running consumer takes them up within a second, and after what is new.")

    @group.command()
    @click.argument("parked_id", metavar="ID")
    @click.option("--yes", is_flag=True, help="Do it; without this the command only says what it would do.")
    def discard(parked_id: str, yes: bool) -> None:
        """Give one up for good.

        A message has a place in the sequence of its subject. It is passed together with the discarding: otherwise later
        ones of the subject would wait for it for ever. So a message can be discarded only when it is the next one.
        """
        try:
            with database.parked(to_change=yes) as parked:
                held = check_discard(parked, parked_id)
                if not yes:
                    raise click.ClickException(f"{_consequence(held)}\nNothing was changed; --yes does it.")
                give_up(parked, held)
        except CannotDiscard as cannot:
            raise click.ClickException(str(cannot)) from cannot
        click.echo(f"Done. {_consequence(held)}")

    @group.command()
    @click.argument("parked_id", metavar="ID")
    @click.option("--yes", is_flag=True, help="Do it; without this the command only says what it would do.")
    def skip(parked_id: str, yes: bool) -> None:
        """Go on with one that waits for messages that will never come, as retention or a lost disk has taken them."""
        try:
            with database.parked(to_change=yes) as parked:
                held, gap = check_skip(parked, parked_id)
                what = (
                    f"Message {held.sequence} of {held.subject} is applied without those from {gap} on, which are given"
                    " up: should they come after all, they are dropped."
                )
                if not yes:
                    raise click.ClickException(f"{what}\nNothing was changed; --yes does it.")
                go_on_with(parked, held)
        except CannotDiscard as cannot:
            raise click.ClickException(str(cannot)) from cannot
        click.echo(f"Done. {what} The running consumer takes it up within a second.")

    return group


def _line(held: ParkedMessage) -> dict[str, Any]:
    return {
        "id": held.id,
        "channel": held.channel,
        "type": held.type,
        "subject": held.subject,
        "sequence": held.sequence,
        "state": held.state,
        "attempts": held.attempts,
        "parked_at": held.parked_at,
        "retry_at": held.retry_at,
        "error": held.sentence,
    }


def _consequence(held: ParkedMessage) -> str:
    name = f"{held.type or 'A message that cannot be read'} ({held.message_id})"
    if is_numbered(held):
        again = " Its saga asks again, or undoes what it did." if parsed(held.channel).of_commands else ""
        return f"{name} is never applied here; {held.subject} goes on after message {held.sequence}.{again}"
    return f"{name} is never applied here. The next message of its subject, if it had one, will wait for it."
