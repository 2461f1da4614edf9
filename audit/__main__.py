"""Checks a hospital that is running: `python -m audit`. Exits with 1 when something does not hold.

`python -m audit gaps` is a process that watches the logs without end.
"""

import sys
from pathlib import Path

import click
from rich.console import Console

from audit.collector import Collector, NotAtRest
from audit.environment import DEFAULT_FILE, hospital_environment
from audit.gaps import gaps
from audit.ledger import Ledger
from audit.report import print_verdict
from audit.verdict import judge


@click.group(invoke_without_command=True)
@click.option(
    "--env", "environment_file", type=click.Path(path_type=Path),
    help=f"The file with the addresses of the hospital. Without it: {DEFAULT_FILE} if there is one, else the variables "
    "of this process.",
)  # fmt: skip
@click.option("--timeout", "timeout_s", default=60.0, show_default=True, help="How long to wait for rest, in seconds.")
@click.pass_context
def main(context: click.Context, environment_file: Path | None, timeout_s: float) -> None:
    """Wait until the hospital is at rest, then check that everything is consistent."""
    if context.invoked_subcommand is not None:
        return
    console = Console(width=None if sys.stdout.isatty() else 120)
    with _collector(environment_file) as collector:
        at_rest = _await_quiescence(collector, timeout_s, console)
        facts = collector.facts(Ledger())
    verdict = judge(facts)
    print_verdict(console, verdict, facts)
    sys.exit(0 if at_rest and not verdict.violations else 1)


def _collector(environment_file: Path | None) -> Collector:
    try:
        return Collector(hospital_environment(environment_file))
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _await_quiescence(collector: Collector, timeout_s: float, console: Console) -> bool:
    def progress(left: int) -> None:
        console.print(f"Reading the logs: at least {left:,} messages are left", highlight=False)

    try:
        console.print(
            f"At rest after {collector.await_quiescence(timeout_s, on_progress=progress):.1f} s", highlight=False
        )
    except NotAtRest as unrest:
        console.print(str(unrest), style="bold red", markup=False, highlight=False, soft_wrap=True)
        return False
    return True


main.add_command(gaps)

if __name__ == "__main__":
    main()
