"""The operator's commands of one service."""

from dataclasses import asdict

import click

from services.chassis.operator.desk import Desk
from services.chassis.operator.outbox import backlog
from services.chassis.operator.parked_commands import as_json, parked_commands
from services.chassis.operator.saga_commands import saga_commands
from services.chassis.operator.tables import show_rows


def operator_commands(service: str, has_saga: bool) -> list[click.Command]:
    """Returns `parked`, `outbox`, and `sagas` where the service orchestrates one."""
    desk = Desk(service)

    @click.command()
    @as_json
    def outbox(as_json: bool) -> None:
        """Show how many messages wait for the relay, and for how long."""
        with desk.reading() as query:
            rows = [asdict(waiting) for waiting in backlog(query)]
        show_rows(rows, as_json, "The outbox is empty.")

    return [parked_commands(desk), outbox, *([saga_commands(desk)] if has_saga else [])]
