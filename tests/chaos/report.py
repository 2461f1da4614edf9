"""The table at the end of a run."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.chaos.checker.finding import Column, Finding
from tests.chaos.checker.logs import repeats
from tests.chaos.checker.recovery import recovery_times_s, summary
from tests.chaos.history import History

SHOWN_PER_COLUMN = 10


@dataclass(frozen=True, slots=True)
class Report:
    """What a run has come to.

    Attributes:
        not_injected: Faults for which there was no occasion, and why.
    """

    seed: int
    history: History
    findings: list[Finding]
    not_injected: list[str]

    @property
    def passed(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.findings

    def repeated_messages(self) -> int:
        """How many messages relays have sent more than once; the readers drop them."""
        return sum(len(repeats(messages)) for messages in self.history.logs.values())


def print_report(console: Console, report: Report) -> None:
    """Prints the faults, what was found wrong, and the table."""
    history = report.history
    console.print(_faults(report))
    for column in Column:
        here = [finding for finding in report.findings if finding.column is column]
        for finding in here[:SHOWN_PER_COLUMN]:
            console.print(
                f"[bold red]{column.value}[/] {escape(str(finding.violation))}", highlight=False, soft_wrap=True
            )
        if len(here) > SHOWN_PER_COLUMN:
            console.print(f"  and {len(here) - SHOWN_PER_COLUMN} more {column.value}", highlight=False)
    console.print(totals(report, {"messages applied": sum(map(len, history.applied.values()))}))


def totals(report: Report, seen: Mapping[str, int]) -> Table:
    """Returns the table of a run in one line.

    Args:
        report: What the run has come to.
        seen: How many messages were looked at, by what they are called.
    """
    history = report.history
    counts = Counter(finding.column for finding in report.findings)
    recovery = summary(recovery_times_s(history.injected, history.samples))
    cells = {
        "faults injected": str(len(history.injected)),
        "operations": str(sum(history.operations.values())),
        **{name: str(count) for name, count in seen.items()},
        "repeats dropped": str(report.repeated_messages()),
        **{column.value: str(counts[column]) for column in Column},
        "recovery p50": f"{recovery[0]:.1f} s" if recovery else "-",
        "recovery max": f"{recovery[1]:.1f} s" if recovery else "-",
    }
    table = Table(title=f"seed {report.seed}")
    for name in cells:
        table.add_column(name, justify="right")
    table.add_row(*cells.values())
    return table


def _faults(report: Report) -> Table:
    times = Counter(each.fault for each in report.history.injected)
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, count in sorted(times.items()):
        table.add_row(str(count), name)
    for reason in report.not_injected:
        table.add_row("-", f"[dim]{escape(reason)}[/]")
    return table
