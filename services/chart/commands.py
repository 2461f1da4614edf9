"""What an operator can do with charts, besides what there is for every service."""

import click

from infirmary.operator.connection import OperatorDatabase
from services.chart.store import forget_everything


@click.command()
def rebuild() -> None:
    """Forget all charts and make them anew from the logs; the running consumer does so after this returns."""
    with OperatorDatabase("chart").changing() as tx:
        forget_everything(tx)
    click.echo("All charts are forgotten. The consumer fills them again from the beginning of the logs.")


commands = [rebuild]
