"""The tables at the end of a run: each fault, how long Kubernetes took to put it right, and what was found wrong."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.chaos.checker.finding import Column
from tests.chaos.checker.recovery import recovery_times_s
from tests.chaos.report import Report

SHOWN = 30


def print_report(console: Console, report: Report) -> None:
    """Prints what was injected, what was found wrong, and the totals."""
    console.print(_faults(report))
    for finding in report.findings[:SHOWN]:
        console.print(f"[bold red]{escape(str(finding))}[/]", highlight=False, soft_wrap=True)
    console.print(_totals(report))


def _faults(report: Report) -> Table:
    took_s: dict[str, list[float]] = defaultdict(list)
    for injury in report.history.injuries:
        took_s[injury.fault].append(injury.healed_s - injury.began_s)
    table = Table("fault", title="from the fault until the successor is ready")
    for name in ("times", "p50", "max"):
        table.add_column(name, justify="right")
    for fault, times_s in sorted(took_s.items()):
        table.add_row(fault, str(len(times_s)), *_seconds(times_s))
    for reason in report.not_injected:
        table.add_row(f"[dim]{escape(reason)}[/]", "-", "-", "-")
    return table


def _totals(report: Report) -> Table:
    history = report.history
    counts = Counter(finding.column for finding in report.findings)
    recovery = _seconds(recovery_times_s(history.injuries, history.samples))
    cells = {
        "faults injected": str(len(history.injuries)),
        "operations": str(sum(history.operations.values())),
        "events in the logs": str(sum(map(len, history.logs.values()))),
        "repeats dropped": str(report.repeated_messages()),
        **{column.value: str(counts[column]) for column in Column},
        "recovery p50": recovery[0],
        "recovery max": recovery[1],
    }
    table = Table(title=f"seed {report.seed}")
    for name in cells:
        table.add_column(name, justify="right")
    table.add_row(*cells.values())
    return table


def _seconds(times_s: Sequence[float]) -> tuple[str, str]:
    return (f"{median(times_s):.1f} s", f"{max(times_s):.1f} s") if times_s else ("-", "-")
