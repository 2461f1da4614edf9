"""`python -m tests.chaos --minutes 10` injects faults into a hospital of its own; exits with 1 on a violation."""

import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console

from local.errors import LocalError
from tests.chaos.broker_side import BrokerSide
from tests.chaos.campaign import run
from tests.chaos.nemesis.catalogue import chosen
from tests.chaos.report import print_report

PLAIN_WIDTH = 160


@click.command()
@click.option("--minutes", default=10.0, show_default=True, help="For how long faults are injected.")
@click.option("--seed", type=int, help="Repeats the run of this seed; a new one by default.")
@click.option("--faults", default="", help="Only these families or faults, by their names or parts of them: a,b.")
@click.option(
    "--broker",
    default=BrokerSide.STREAMS.value,
    show_default=True,
    type=click.Choice([side.value for side in BrokerSide]),
    help="By which protocol logs are written and read.",
)
@click.option(
    "--metrics-port", type=click.IntRange(1, 65535), envvar="CHAOS_METRICS_PORT",
    help="Where Prometheus may read which faults are in force; nowhere by default.",
)  # fmt: skip
def main(minutes: float, seed: int | None, faults: str, broker: str, metrics_port: int | None) -> None:
    """Inject faults into a hospital at work, and check everything afterwards."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    try:
        some = chosen(name.strip() for name in faults.split(",") if name.strip())
    except LookupError as unknown:
        raise click.BadParameter(str(unknown), param_hint="--faults") from unknown
    chosen_seed = secrets.randbelow(1_000_000) if seed is None else seed
    side = BrokerSide(broker)
    said = f"seed {chosen_seed}, {minutes:g} minutes, {len(some)} kinds of faults, logs by {side}"
    console.print(said, highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="infirmary-chaos-"))
    folder.chmod(0o755)  # PostgreSQL may run as somebody else

    def announce(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    try:
        report = run(folder, chosen_seed, minutes * 60, some, announce, metrics_port, side)
    except LocalError as failure:
        console.print(f"The hospital could not be started. {failure}", style="bold red", markup=False)
        sys.exit(1)
    print_report(console, report)
    if report.passed:
        shutil.rmtree(folder, ignore_errors=True)
        return
    again = f"make chaos MINUTES={minutes:g} SEED={chosen_seed} BROKER={side}"
    console.print(
        f"[bold red]Not everything held.[/] Again: {again}. Logs and databases are in {folder}.", highlight=False
    )
    sys.exit(1)


if __name__ == "__main__":
    main()
