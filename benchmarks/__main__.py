"""`python -m benchmarks [name ...] [--quick]` runs benchmarks; `python -m benchmarks report` writes their page."""

import json
import signal
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks import (
    access,
    consumer,
    drain,
    flatness,
    latency,
    machine,
    outages,
    reading,
    relays,
    report,
    requests,
    sagas,
    split_log,
    tracing,
    write_path,
)
from benchmarks.options import Options
from benchmarks.presentation import table
from benchmarks.results import Results
from benchmarks.testbed import Testbed, running_testbed
from local.rundir import DEFAULT_RUN_DIR, REPOSITORY

RESULTS = DEFAULT_RUN_DIR / "benchmarks"
PAGE = REPOSITORY / "docs" / "performance.md"

Benchmark = Callable[[Testbed, Results, Options], None]
BENCHMARKS: dict[str, tuple[str, Benchmark]] = {
    "drain": (drain.TITLE, drain.run),
    "latency": (latency.TITLE, latency.run),
    "write_path": (write_path.TITLE, write_path.run),
    "consumer": (consumer.TITLE, consumer.run),
    "reading": (reading.TITLE, reading.run),
    "split_log": (split_log.TITLE, split_log.run),
    "flatness": (flatness.TITLE, flatness.run),
    "relays": (relays.TITLE, relays.run),
    "outages": (outages.TITLE, outages.run),
    "requests": (requests.TITLE, requests.run),
    "access": (access.TITLE, access.run),
    "sagas": (sagas.TITLE, sagas.run),
    "tracing": (tracing.TITLE, tracing.run),
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice([*BENCHMARKS, "report"]))
@click.option("--rounds", type=click.IntRange(min=1), help="Measure everything only so often; default 3 to 15 times.")
@click.option("--quick", is_flag=True, help="Fewer rows and rounds: shows that it works, not how fast it is.")
def main(names: tuple[str, ...], quick: bool, rounds: int | None) -> None:
    """Measures how fast the hospital is; without names, everything."""
    if names == ("report",):
        _write_report()
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are stopped and their data is removed
    with (
        tempfile.TemporaryDirectory(prefix="servers-", dir=_made(RESULTS)) as folder,
        running_testbed(Path(folder)) as testbed,
    ):
        for name in names or BENCHMARKS:
            _run(name, testbed, Options(quick, rounds))


def _run(name: str, testbed: Testbed, options: Options) -> None:
    title, benchmark = BENCHMARKS[name]
    results = Results(name, title)
    conditions: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": options.quick,
        "machine": machine.description(),
        "load_before": machine.load(),
    }
    benchmark(testbed, results, options)
    conditions["load_after"] = machine.load()
    (RESULTS / f"{name}.json").write_text(json.dumps(conditions | results.as_json(), indent=1) + "\n")
    console = Console(width=140)
    console.print(table(results.as_json()))
    console.print(f"Load before {conditions['load_before']}, after {conditions['load_after']}")


def _write_report() -> None:
    stored = report.read(RESULTS, list(BENCHMARKS))
    PAGE.write_text(report.page(stored))
    picture = report.picture(stored)
    if picture is not None:
        PAGE.with_name(report.PICTURE).write_text(picture)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    main()
