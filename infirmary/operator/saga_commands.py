"""`infirmary <name> sagas ...`."""

from typing import Any, get_args
from uuid import UUID

import click

from infirmary.operator import sagas
from infirmary.operator.connection import OperatorDatabase
from infirmary.operator.parked_commands import as_json
from infirmary.operator.sagas import StoredSaga
from infirmary.operator.tables import show_record, show_rows
from infirmary.postgres.sagas.orchestrator import orchestrator_of
from infirmary.saga.state import Status
from infirmary.saga.versions import UnknownVersion


def saga_commands(database: OperatorDatabase) -> click.Group:
    """Returns the commands for the sagas that a service orchestrates."""
    group = click.Group("sagas", help="The sagas that this service orchestrates.")

    @group.command("list")
    @click.option("--status", type=click.Choice(get_args(Status)), help="Only those of this status.")
    @as_json
    def list_(status: str | None, as_json: bool) -> None:
        """List them, newest first."""
        with database.reading() as query:
            rows = [_line(saga) for saga in sagas.newest(query, status)]
        show_rows(rows, as_json, "There is no such saga.")

    @group.command()
    @click.argument("saga_id", type=click.UUID, metavar="ID")
    @as_json
    def show(saga_id: UUID, as_json: bool) -> None:
        """Show one with its steps and its whole history."""
        with database.reading() as query:
            saga = sagas.find(query, saga_id)
            transitions = sagas.history(query, saga_id)
        if saga is None:
            raise click.ClickException(f"there is no saga {saga_id}")
        history = [
            {"at": one.at, "happened": one.happened, "status": one.status, "sent": one.sent} for one in transitions
        ]
        steps = [{"step": step.name, "state": step.state, "at": step.at} for step in saga.progress().steps]
        more = {"correlation_id": saga.correlation_id, "data": saga.data, "steps": steps, "history": history}
        show_record(_line(saga) | more, as_json)

    @group.command()
    @click.argument("saga_id", type=click.UUID, metavar="ID")
    def resume(saga_id: UUID) -> None:
        """Let a parked saga go on with the current step, with a fresh budget."""
        orchestrator = orchestrator_of(database.service)
        try:
            with database.changing() as tx:
                resumed = orchestrator is not None and orchestrator.resume(tx, saga_id)
        except UnknownVersion as unknown:
            raise click.ClickException(str(unknown)) from None
        if not resumed:
            raise click.ClickException(f"there is no parked saga {saga_id}")
        click.echo("Resumed.")

    return group


def _line(saga: StoredSaga) -> dict[str, Any]:
    state = saga.progress()
    return {
        "saga_id": saga.saga_id,
        "name": saga.name,
        "version": saga.version,
        "status": state.status,
        "step": state.current_step,
        "attempt": state.attempt,
        "started_at": saga.started_at,
        "due_at": saga.due_at,
        "reason": state.reason,
    }
