"""`python -m benchmarks.compare <other checkout> [name ...]`: this code beside another's, in turns, in one run.

A shared machine changes from minute to minute, by more than what is looked for. So each turn measures both checkouts,
one straight after the other, and what is told is the median of the turns' ratios.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.__main__ import BENCHMARKS
from benchmarks.results import number
from local.rundir import REPOSITORY

Measured = Mapping[str, tuple[str, float]]
"""What one run of a benchmark found for our own code: a figure's unit and value, by its name."""


@dataclass(frozen=True)
class Comparison:
    """One figure of both checkouts.

    Attributes:
        name: What was measured.
        unit: In what.
        other: The median of the other checkout's turns.
        ours: The median of this checkout's turns.
        ratios: This checkout's value by the other's, for each turn.
    """

    name: str
    unit: str
    other: float
    ours: float
    ratios: Sequence[float]

    @property
    def changes_percent(self) -> tuple[float, float, float] | None:
        """By how much the figure has changed: the turns' median, least and most; None when it was nothing before."""
        if not self.ratios:
            return None
        middle, least, most = (100 * (ratio - 1) for ratio in (median(self.ratios), min(self.ratios), max(self.ratios)))
        return middle, least, most


def compared(turns: Sequence[tuple[Measured, Measured]]) -> list[Comparison]:
    """Puts the turns together, each of them (the other checkout's figures, ours); takes what both have measured."""
    shared = [name for name in turns[0][1] if all(name in other and name in ours for other, ours in turns)]
    return [_comparison(name, turns) for name in shared]


def _comparison(name: str, turns: Sequence[tuple[Measured, Measured]]) -> Comparison:
    pairs = [(other[name][1], ours[name][1]) for other, ours in turns]
    return Comparison(
        name,
        unit=turns[0][1][name][0],
        other=median(other for other, _ in pairs),
        ours=median(ours for _, ours in pairs),
        ratios=[ours / other for other, ours in pairs if other],
    )


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("other", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("names", nargs=-1, type=click.Choice([*BENCHMARKS]), required=True)
@click.option("--turns", type=click.IntRange(min=1), default=6, show_default=True, help="How often to measure each.")
@click.option("--full", is_flag=True, help="As many rows and seconds in a turn as without a comparison.")
def main(other: Path, names: tuple[str, ...], turns: int, full: bool) -> None:
    """Measures benchmarks of this checkout and of OTHER (`git worktree add`, with an environment of its own)."""
    for name in names:
        found: list[tuple[Measured, Measured]] = []
        for turn in range(turns):
            order = (other, REPOSITORY) if turn % 2 == 0 else (REPOSITORY, other)
            values = {folder: _measure(folder, name, quick=not full) for folder in order}
            found.append((values[other], values[REPOSITORY]))
        Console(width=140).print(_table(name, compared(found)))


def _measure(checkout: Path, name: str, *, quick: bool) -> Measured:
    command = [str(_python(checkout)), "-m", "benchmarks", name, "--rounds", "1", *(["--quick"] if quick else [])]
    # By make's own PYTHONPATH one relay would be measured twice.
    environment = {**os.environ, "PYTHONPATH": str(checkout.absolute() / "relay")}
    ended = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise click.ClickException(f"{name} in {checkout} ended with {ended.returncode}: {ended.stderr[-2000:]}")
    results: dict[str, Any] = json.loads((checkout / ".run" / "benchmarks" / f"{name}.json").read_text())
    return {each["name"]: (each["unit"], each["median"]) for each in results["figures"] if each["kind"] == "ours"}


def _python(checkout: Path) -> Path:
    own = checkout / ".venv" / "bin" / "python"
    return own.absolute() if own.exists() else Path(sys.executable)


def _table(name: str, comparisons: Sequence[Comparison]) -> Table:
    table = Table(title=BENCHMARKS[name][0], title_justify="left")
    for heading in ("figure", "unit", "other", "ours", "change", "least", "most"):
        table.add_column(heading, justify="left" if heading in ("figure", "unit") else "right")
    for each in comparisons:
        changes = (f"{change:+.1f} %" for change in each.changes_percent or ())
        table.add_row(each.name, each.unit, number(each.other), number(each.ours), *changes)
    return table


if __name__ == "__main__":
    main()
