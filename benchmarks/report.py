"""Makes docs/performance.md and its picture from the figures of the last runs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.plot import bars
from benchmarks.presentation import COLUMNS, cells

PICTURE = "drain.svg"
"""The picture's name, beside the page."""

_INTRODUCTION = """\
# Performance

Measured by `make bench` (one alone: `make bench ARGS=drain`) and written here by `make bench ARGS=report`.
PostgreSQL 18, RabbitMQ, the relay or service that is measured and the load generator share one machine. Every figure
stands beside its baseline (what one would do otherwise) and its ceiling (what the servers allow), measured in turns in
the same run; minimum and maximum over the rounds show the machine's noise. A median is judged against the bar.
[Where the time goes](profiles.md) says what the limit is where a bar was missed.
`python -m benchmarks.compare <another checkout> drain requests` measures two versions of the code in turns.
"""


def page(results: Sequence[dict[str, Any]]) -> str:
    """Returns the page as Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(result) for result in results)])


def picture(results: Sequence[dict[str, Any]]) -> str | None:
    """Returns the throughput of the drain as SVG; None when it was not measured."""
    for result in results:
        if result["benchmark"] == "drain":
            return bars(result["title"], [each for each in result["figures"] if each["unit"].endswith("s/s")])
    return None


def read(folder: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Returns the stored results, in the order of the names; what was never run is left out."""
    paths = [folder / f"{name}.json" for name in names]
    return [json.loads(path.read_text()) for path in paths if path.exists()]


def _section(result: dict[str, Any]) -> str:
    machine = result["machine"]
    conditions = (
        f"{result['at'][:10]}, {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
        f"{machine['system']}, Python {machine['python']}, load {result['load_before']} before and "
        f"{result['load_after']} after"
    )
    if result["quick"]:
        conditions += ". **A quick run: it shows that the benchmark works, not how fast the hospital is**"
    lines = [f"## {result['title']}", "", f"{conditions}.", "", *result["remarks"], ""]
    lines += [_row(COLUMNS), _row(["---", "---", "--:", "--:", "--:", "---", "---"])]
    lines += [_row(cells(figure)) for figure in result["figures"]]
    if result["benchmark"] == "drain":
        lines += ["", f"![{result['title']}]({PICTURE})"]
    return "\n".join(lines) + "\n"


def _row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"
