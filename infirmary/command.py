"""The command `infirmary`: runs the processes of a service, looks after it, or prints what its database needs."""

import sys
from pathlib import Path

import click

from infirmary import __version__, registry
from infirmary.observing import json_logging
from infirmary.retry_after import GaveUp
from infirmary.settings import Settings

_NEEDS = {
    "flask": "http", "flask_openapi3": "http", "gunicorn": "http", "psycopg_pool": "http", "pymongo": "mongo",
}  # fmt: skip
"""Which extra brings a package that not every service needs."""


class Services(click.Group):
    """One group of commands for each service whose code is here, beside commands of no service."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns all names."""
        try:
            return [*super().list_commands(ctx), *_services()]
        except click.ClickException as none_here:
            ctx.command.epilog = none_here.message
            return super().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns a command, or all commands of a service."""
        of_no_service = super().get_command(ctx, cmd_name)
        if of_no_service is not None or cmd_name not in _services():
            return of_no_service
        return of_service(cmd_name)


def commands() -> Services:
    """Returns the command with all that it can do."""
    group = Services(
        help="Runs the processes of a service, or looks after it.",
        context_settings={"help_option_names": ["-h", "--help"]},
        commands=[schema],
    )
    return click.version_option(__version__, message="%(version)s")(group)


def main() -> None:
    """Runs the command. The package of services is an installed one, or in the folder that the command is given in."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        commands()(prog_name="infirmary")
    except ModuleNotFoundError as missing:
        extra = _NEEDS.get(str(missing.name).partition(".")[0])
        if extra is None:
            raise
        raise SystemExit(f"Error: {missing.name} is not installed: pip install 'infirmary[{extra}]'") from missing


@click.command()
@click.option("--mongo", is_flag=True, help="Print what MongoDB needs, for mongosh.")
@click.option(
    "--collection", default="documents", show_default=True, help="MongoDB: where the service's documents are."
)
def schema(mongo: bool, collection: str) -> None:
    """Print the tables that a service's database needs, without looking for a service or a database."""
    if mongo:
        from infirmary.mongo.collections import statements as statements_for_mongosh

        click.echo(statements_for_mongosh(collection), nl=False)
        return
    from infirmary.postgres.schema import statements  # a process of a service does without alembic

    click.echo(statements(), nl=False)


def of_service(name: str) -> click.Group:
    """Returns the commands of one service."""
    from infirmary.operator.commands import operator_commands

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
            _migrate(name, chosen, revision)
        except GaveUp as gave_up:
            raise click.ClickException(str(gave_up)) from None

    @group.command()
    @click.argument("what")
    def revision(what: str) -> None:
        """Draft the next migration: what tables.py declares and the database does not have yet.

        DATABASE_URL leads to a database that is at the last revision. WHAT says what the migration is for.
        """
        click.echo(_revise(name, registry.settings_of(name), what))

    for command in (*operator_commands(name, has_saga=registry.has_saga(name)), *registry.commands_of(name)):
        group.add_command(command)
    return group


def _migrate(name: str, settings: Settings, revision: str) -> None:
    if settings.database_url.startswith("mongodb"):
        from infirmary.mongo.schema import create_collections

        create_collections(name, settings)
    else:
        from infirmary.postgres.migrate import migrate as run

        run(name, settings, revision)


def _revise(name: str, settings: Settings, what: str) -> str:
    """Drafts a migration and returns what is to be said about it."""
    if settings.database_url.startswith("mongodb"):
        raise click.ClickException(
            f"{name} keeps documents: `migrate` makes its collection as documents.py declares it"
        )
    from infirmary.postgres.revise import READ_IT, CannotRevise, revise

    try:
        written = revise(name, settings, what)
    except CannotRevise as reason:
        raise click.ClickException(str(reason)) from None
    if written is None:
        return "There is nothing to do: the database has what tables.py declares. CHECKs of a table are not compared."
    return f"{written} is written. {READ_IT}"


def _services() -> list[str]:
    try:
        return registry.names()
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f"there is no package {missing.name} here. INFIRMARY_SERVICES names the package that holds the services"
        ) from None
    except ValueError as bad_name:
        raise click.ClickException(str(bad_name)) from None
