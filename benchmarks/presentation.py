"""A benchmark's figures as a table for the terminal."""

from typing import Any

from rich.table import Table

from benchmarks.results import Bar, number

COLUMNS = ("figure", "unit", "min", "median", "max", "bar", "")


def cells(figure: dict[str, Any]) -> tuple[str, ...]:
    """Returns a figure's row of a table."""
    values: list[float] = figure["values"]
    return (
        figure["name"] if figure["kind"] == "ours" else f"{figure['name']} ({figure['kind']})",
        figure["unit"],
        number(min(values)),
        number(figure["median"]),
        number(max(values)),
        str(Bar(**figure["bar"])) if figure["bar"] else "",
        figure["verdict"],
    )


def table(result: dict[str, Any]) -> Table:
    """Returns a benchmark's figures as a table."""
    shown = Table(title=result["title"], caption="\n".join(result["remarks"]), title_justify="left")
    for at, column in enumerate(COLUMNS):
        shown.add_column(column, justify="left" if at < 2 or at > 4 else "right")
    for figure in result["figures"]:
        style = {"ours": "bold", "baseline": "dim", "ceiling": "cyan"}[figure["kind"]]
        shown.add_row(*cells(figure), style="red" if figure["verdict"] == "MISSED" else style)
    return shown
