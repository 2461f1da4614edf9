"""`infirmary <name> rebuild`, for a service with a read model that is made from events alone."""

import click
import psycopg

from infirmary import settings
from infirmary.postgres.read_model import CannotRebuild, ReadModel
from infirmary.retry_after import GaveUp
from infirmary.settings import Settings


def rebuild_command(model: ReadModel) -> click.Command:
    """Returns the command that fills a read model anew."""

    @click.command()
    @click.option("--although-less", is_flag=True, help="Take the new tables even if there is less in them.")
    @click.option("--cancel", is_flag=True, help="Give up a rebuild that was begun; the tables in use stay.")
    def rebuild(although_less: bool, cancel: bool) -> None:
        """Fill the read model anew from the logs, beside the one in use, and put it in its place.

        It may run beside everything else, be ended at any time and be started again: it goes on where it was.
        """
        from infirmary import rebuilds  # an API, which has these commands too, does without a consumer
        from infirmary.consumer.loop import LOST_SESSION
        from infirmary.consumer.unreadable import Unreadable

        chosen = settings.read(Settings)
        try:
            if cancel:
                given_up = rebuilds.cancel(model, chosen)
                click.echo("The rebuild is given up." if given_up else "There is no rebuild to be given up.")
                return
            rebuilds.rebuild(model, chosen, click.echo, although_less=although_less)
        except (CannotRebuild, GaveUp) as cannot:
            raise click.ClickException(str(cannot)) from cannot
        except Exception as lost:
            if not isinstance(lost, (psycopg.Error, Unreadable, *LOST_SESSION)):
                raise
            raise click.ClickException(f"{lost}. What was filled so far is kept: rebuild again to go on") from lost
        click.echo("Done: the read model made anew is the one in use.")

    return rebuild
