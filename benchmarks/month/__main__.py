"""`python -m benchmarks.month`: a month of a hospital in some minutes, and whether anything grows without end."""

import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from audit.collector import Collector
from benchmarks.month.month import Kept, Month
from benchmarks.month.traffic import Traffic
from demo.client import Hospital
from infirmary.settings import Settings
from local.hospital import running_hospital
from local.topology import SERVICES

AT_REST_WITHIN_S = 120.0


@click.command()
@click.option("--days", default=33, show_default=True, type=click.IntRange(min=33), help="How many days go by.")
@click.option("--sagas", default=40, show_default=True, type=click.IntRange(min=4), help="Sagas of a kind on each.")
def main(days: int, sagas: int) -> None:
    """Play a month in a hospital of its own; each day is moved to its place in the month when it is over."""
    console = Console(width=None if sys.stdout.isatty() else 150)
    with tempfile.TemporaryDirectory(prefix="month-") as folder, running_hospital(Path(folder)) as machinery:
        machinery.wait_until_ready()
        month = Month({each.name: _settings(machinery.env, each.name) for each in SERVICES})
        with Hospital(machinery.env) as hospital, Collector(machinery.env) as collector:
            traffic = Traffic(hospital)

            def day() -> None:
                traffic.day(sagas)
                collector.await_quiescence(AT_REST_WITHIN_S)

            for number in range(1, days + 1):
                month.live(day)
                console.print(f"day {number} of {days} is over", highlight=False)
    kept = list(month.kept.values())
    console.print(_told(kept))
    growing = [f"{each.service}: {name}" for each in kept for name in each.growing()]
    console.print(f"Grows without end: {', '.join(growing)}." if growing else "Nothing grows that is not a record.")
    sys.exit(1 if growing else 0)


def _settings(env: dict[str, str], service: str) -> Settings:
    return Settings(database_url=env[f"{service.upper()}_DATABASE_URL"])


def _told(kept: list[Kept]) -> Table:
    table = Table("service", "table", "rows after a third", "after two thirds", "at the end", "bytes of each row")
    for each in kept:
        days = len(each.days)
        for name in each.tables():
            rows, last = each.rows(name), each.days[-1][name]
            cost = f"{last.size_bytes / last.rows:.0f}" if last.rows and last.size_bytes else "-"
            table.add_row(
                each.service, name, *(str(rows[place]) for place in (days // 3 - 1, 2 * days // 3 - 1, -1)), cost
            )
    return table


if __name__ == "__main__":
    main()
