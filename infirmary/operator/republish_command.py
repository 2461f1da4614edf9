"""`infirmary <name> republish`."""

import click

from infirmary.operator.connection import OperatorDatabase
from infirmary.registry import room
from infirmary.republishing.declaration import Kind
from infirmary.republishing.running import run

DEFAULT_RATE = 200.0


def republish_command(database: OperatorDatabase) -> click.Command:
    """Returns the command that tells the state of a service's aggregates again."""

    @click.command()
    @click.option(
        "--rate", type=click.FloatRange(min=0.1), default=DEFAULT_RATE, show_default=True, help="Aggregates a second."
    )
    @click.option("--only", "some", multiple=True, help="Only these; may be repeated.")
    @click.option("--dry-run", is_flag=True, help="Only say how much there is, and how long it would take.")
    def republish(rate: float, some: tuple[str, ...], dry_run: bool) -> None:
        """Tell everybody how things are now, for readers that are new, rebuilt, or lack what retention has taken.

        It may run beside everything else, be ended at any time and be started again: it goes on where it was. Readers
        that know all drop it.
        """
        # Only now: every process of the service has this command, and an API's master reads none of the service's code,
        # so that its reload is one.
        kinds: dict[str, Kind] = room(database.service, "republishing").republishing.kinds
        for unknown in sorted(set(some) - set(kinds)):
            raise click.BadParameter(f"{unknown} is none of {', '.join(kinds)}", param_hint="--only")
        wanted = [kind for name, kind in kinds.items() if not some or name in some]
        with database.republisher() as republisher:
            if not dry_run:
                run(republisher, wanted, rate, click.echo, all_kinds=len(wanted) == len(kinds))
                return
            known = republisher.progress()
            for kind in wanted:
                total, told = republisher.total(kind), known[kind.name].aggregates if kind.name in known else 0
                left = max(total - told, 0)
                click.echo(f"{kind.name}: {total}, of which {told} were told; {left / rate:.0f} s for the others.")
        click.echo("Nothing was told.")

    return republish
