"""`python -m scripts.metrics_page` writes docs/metrics.md from the registered metrics; --check says if it is old."""

import re
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import Final

import click

from scripts.registered import PROCESSES, Metric, of_process

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"

HELP: Final = re.compile(r"(?P<question>[A-Z][^?]*\?) (?P<meaning>[A-Z0-9].*\.)", re.DOTALL)
"""What every help text is: a question, and then what the answer means."""

UNITS: Final = (
    ("_timestamp_seconds", "unix time, s"),
    ("_seconds", "s"),
    ("_seconds_total", "s"),
    ("_bytes", "bytes"),
    ("_ratio", "0 to 1"),
    ("_info", "always 1"),
    ("_rows", "rows"),
    ("_messages", "messages"),
    ("_total", "count"),
)
_FLAG: Final = re.compile(r"\b1 (when|while|for|in)\b")

_BEGIN: Final = """# Metrics

All series that a process shows on `/metrics` of its `METRICS_PORT`, written by `make metrics` from what the code
registers; `make check` says when this page is old. [Operations](operations.md) says where the ports are,
[the runbooks](runbooks.md) what to do.

Every series is there from the start of its process. An age is shown as the time at which it began, in unix time, and 0
when there is nothing: `time() - x` is the age, and does not stand still with a process that hangs. No label holds what
a client or a stranger chose. `service`, `role` and `pod` are added by the scrape. Beside these, each process has the
client library's own `process_*` and `python_*`.
"""

_TITLES: Final = {
    ("api", "consumer", "gap-auditor"): "API, consumer and gap auditor",
    ("api", "consumer"): "API and consumer",
    ("api",): "API",
    ("consumer",): "Consumer",
    ("relay",): "Relay",
    ("gap-auditor",): "Gap auditor",
}


def registered() -> dict[str, list[Metric]]:
    """Returns the metrics of all kinds of processes.

    Raises:
        subprocess.CalledProcessError: A process cannot be asked; stderr says why.
    """
    with ThreadPoolExecutor() as pool:
        return dict(zip(PROCESSES, pool.map(of_process, PROCESSES), strict=True))


def unit_of(metric: Metric) -> str | None:
    """Returns what a value is counted in; None where neither the name nor the help text says."""
    for suffix, unit in UNITS:
        if metric.name.endswith(suffix):
            return unit
    if _FLAG.search(metric.help):
        return "0 or 1"
    return "count" if metric.kind == "gauge" else None


def page(found: Mapping[str, Iterable[Metric]]) -> str:
    """Returns the page's text.

    Args:
        found: The metrics by kind of process.
    """
    shown_by: dict[str, dict[str, Metric]] = {}
    for process, metrics in found.items():
        for metric in metrics:
            shown_by.setdefault(metric.name, {})[process] = metric
    entries = sorted(shown_by.items(), key=lambda each: (_place(each[1]), each[0]))
    lines = [_BEGIN]
    for processes, together in groupby(entries, key=lambda each: tuple(each[1])):
        lines += [f"## {_TITLES.get(processes, ', '.join(processes))}", ""]
        lines += ["| metric | type | labels | unit | question | answer |", "|---|---|---|---|---|---|"]
        lines += [*(_row(by_process) for _, by_process in together), ""]
    return "\n".join(lines)


def _place(processes: Iterable[str]) -> tuple[int, list[int]]:
    places = [list(PROCESSES).index(process) for process in processes]
    return -len(places), places


def _row(by_process: Mapping[str, Metric]) -> str:
    metric = next(iter(by_process.values()))
    said = HELP.fullmatch(metric.help)
    question, meaning = (said["question"], said["meaning"]) if said else ("", metric.help)
    labels = "<br>".join(
        _label(name, {process: each.values.get(name, []) for process, each in by_process.items()})
        for name in metric.labels
    )
    cells = (f"`{metric.name}`", metric.kind, labels, unit_of(metric) or "", question, meaning)
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"


def _label(name: str, values: Mapping[str, list[str]]) -> str:
    first, *others = values.values()
    if all(each == first for each in others):
        return f"`{name}`: {', '.join(first)}" if first else f"`{name}`"
    apart = (f"{process}: {', '.join(each)}" for process, each in values.items())
    return f"`{name}`: {'; '.join(apart)}"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if the page is old.")
def main(check: bool) -> None:
    """Writes docs/metrics.md."""
    text = page(registered())
    if check and (not PAGE.exists() or PAGE.read_text() != text):
        click.echo("docs/metrics.md is not what the code registers. `make metrics` writes it.", err=True)
        sys.exit(1)
    if not check:
        PAGE.write_text(text)


if __name__ == "__main__":
    main()
