"""The tables at the end of a run: each fault, how long Kubernetes took to put it right, and what was found wrong."""

from collections import defaultdict
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.chaos.report import Report, totals

SHOWN = 30


def print_report(console: Console, report: Report) -> None:
    """Prints what was injected, what was found wrong, and the totals."""
    console.print(_faults(report))
    for finding in report.findings[:SHOWN]:
        console.print(f"[bold red]{escape(str(finding))}[/]", highlight=False, soft_wrap=True)
    console.print(totals(report, {"messages in the logs": sum(map(len, report.history.logs.values()))}))


def _faults(report: Report) -> Table:
    took_s: dict[str, list[float]] = defaultdict(list)
    for each in report.history.injected:
        took_s[each.fault].append(each.healed_s - each.began_s)
    table = Table("fault", title="from the fault until the successor is ready")
    for name in ("times", "p50", "max"):
        table.add_column(name, justify="right")
    for fault, times_s in sorted(took_s.items()):
        table.add_row(fault, str(len(times_s)), f"{median(times_s):.1f} s", f"{max(times_s):.1f} s")
    for reason in report.not_injected:
        table.add_row(f"[dim]{escape(reason)}[/]", "-", "-", "-")
    return table
