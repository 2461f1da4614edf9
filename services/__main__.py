"""`python -m services <name> <role>`: every process names its service and its role in its command line."""

from importlib import import_module
from importlib.util import find_spec

import click

from infirmary import registry
from infirmary.observing import json_logging
from infirmary.operator.commands import operator_commands
from infirmary.operator.connection import Desk
from infirmary.retry_after import GaveUp

READ_MODEL = "chart"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Runs the processes of a service, or looks after it."""


def _service_commands(name: str) -> click.Group:
    group = click.Group(name, help=f"The {name} service.")

    @group.command()
    def api() -> None:
        """Serve the HTTP interface."""
        from infirmary.processes import run_api

        run_api(name, registry.settings_of(name))

    @group.command()
    def consumer() -> None:
        """Apply messages from the logs."""
        from infirmary.processes import run_consumer

        run_consumer(name, registry.settings_of(name))

    @group.command()
    @click.option("--revision", default="head", show_default=True)
    def migrate(revision: str) -> None:
        """Bring the database to the code's schema."""
        chosen = registry.settings_of(name)
        json_logging.configure(name, "migrate", chosen.log_level)
        try:
            if chosen.database_url.startswith("mongodb"):
                from infirmary.mongo.schema import create_collections

                create_collections(name, chosen)
            else:
                from infirmary.postgres.migrate import migrate as run

                run(name, chosen, revision)
        except GaveUp as gave_up:
            raise click.ClickException(str(gave_up)) from None

    for command in operator_commands(name, has_saga=registry.has_saga(name)):
        group.add_command(command)
    return group


def _rebuild() -> None:
    """Forget all charts and make them anew from the logs; the running consumer does so after this returns."""
    from services.chart.store import forget_everything

    with Desk(READ_MODEL).changing() as tx:
        forget_everything(tx)
    click.echo("All charts are forgotten. The consumer fills them again from the beginning of the logs.")


def _services() -> list[str]:
    try:
        return registry.names()
    except ValueError as error:
        raise SystemExit(str(error)) from None


for service_name in _services():
    service_commands = _service_commands(service_name)
    if service_name == READ_MODEL:
        service_commands.command("rebuild")(_rebuild)
    cli.add_command(service_commands)
if find_spec("contracts") is not None:  # in a checkout; no service's image has it
    cli.add_command(import_module("contracts.commands").contracts)

if __name__ == "__main__":
    cli()
