"""`python -m services <name> <role>`: every process names its service and its role in its command line."""

import click

from services.chassis import rooms, settings
from services.chassis.settings import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Runs the processes of a service, or looks after it."""


def _service_commands(name: str) -> click.Group:
    group = click.Group(name, help=f"The {name} service.")

    @group.command()
    def api() -> None:
        """Serve the HTTP interface."""
        from services.chassis.processes import run_api

        run_api(name, settings.read(Settings))

    @group.command()
    def consumer() -> None:
        """Apply messages from the logs and the inbox."""
        from services.chassis.processes import run_consumer

        run_consumer(name, settings.read(Settings))

    @group.command()
    @click.option("--revision", default="head", show_default=True)
    def migrate(revision: str) -> None:
        """Bring the database to the code's schema."""
        chosen = settings.read(Settings)
        if chosen.database_url.startswith("mongodb"):
            from services.chassis.mongo.schema import create_collections

            create_collections(chosen)
        else:
            from services.chassis.migrate import migrate as run

            run(name, chosen, revision)

    return group


for service_name in rooms.names():
    cli.add_command(_service_commands(service_name))

if __name__ == "__main__":
    cli()
