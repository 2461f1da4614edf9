"""`infirmary <name> restore`."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from infirmary import settings
from infirmary.operator.tables import aligned
from infirmary.restoring.database import CannotRestore
from infirmary.restoring.declaration import Restoring, restoring_of
from infirmary.restoring.treatment import treatment_of
from infirmary.settings import Settings

if TYPE_CHECKING:
    from infirmary.restoring.restore import Report, Restore  # brings a consumer's metrics along

_NOT_MARKED = (
    "nobody has found that the database of {service} was set back: its relay looks when it starts and after each"
    " reconnection. Where no relay runs, --although-not-marked restores all the same; what the database knows is passed"
    " over"
)


def restore_command(service: str) -> click.Command:
    """Returns the command that makes a database whole again that was restored from a backup."""

    @click.command()
    @click.option("--dry-run", is_flag=True, help="Only say what it would do.")
    @click.option("--although-not-marked", is_flag=True, help="Do it although nobody has found it set back.")
    @click.option(
        "--leave-out", "left_out", type=click.UUID, multiple=True, metavar="MESSAGE_ID",
        help="Do not make the change of this message; it was done by hand. May be given several times.",
    )  # fmt: skip
    def restore(dry_run: bool, although_not_marked: bool, left_out: tuple[UUID, ...]) -> None:
        """Make a database whole again that was restored from a backup: docs/restore.md.

        What the service has said since the backup stands in its own logs. It is taken on from there: the changes that
        its events tell of, the numbers given out, the answers to sagas, and where its own sagas are. Stopped at any
        place it goes on from there the next time.
        """
        from infirmary.restores import errors_of, restore_of  # an API, which has these commands too, does without

        chosen = settings.read(Settings).as_owner()
        try:
            with restore_of(service, chosen, click.echo) as work:
                report = _restored(service, work, dry_run, although_not_marked, left_out)
        except CannotRestore as cannot:
            raise click.ClickException(str(cannot)) from cannot
        except errors_of(chosen) as lost:
            raise click.ClickException(f"{lost}. What was taken on so far is kept: restore again to go on") from lost
        _show(report, restoring_of(service), dry_run)

    return restore


def _restored(
    service: str, work: "Restore", dry_run: bool, although_not_marked: bool, left_out: tuple[UUID, ...]
) -> "Report":
    mark = work.mark()
    if mark is not None:
        click.echo(f"The database was found to be set back at {mark.since:%Y-%m-%d %H:%M:%S%z}: {mark.because}")
    if dry_run:
        return work.look()
    if mark is None and not although_not_marked:
        raise CannotRestore(_NOT_MARKED.format(service=service))
    return work.run(left_out)


def _show(report: "Report", restoring: Restoring, dry_run: bool) -> None:
    rows, lost = [], 0
    for log, found in report.found.items():
        for kind, messages in sorted(found.kinds.items()):
            treatment = treatment_of(restoring, log, kind)
            lost += 0 if treatment.is_made_again else messages
            rows.append({"log": log, "type": kind, "messages": messages, "what": treatment.words})
    click.echo(aligned(rows, cut=False) if rows else "Nothing was said that the database does not know.")
    for lost_words in report.lost():
        click.echo(f"LOST: {lost_words}.")
    again = sum(found.again for found in report.found.values())
    if again:
        click.echo(
            f"{again} messages that were written after the backup was put back get another number, and are sent."
        )
    if lost:
        click.echo(f"{lost} messages tell of changes that nobody can make again here; see above.")
    click.echo("Nothing was changed." if dry_run else "The database is whole again; its processes go on by themselves.")
