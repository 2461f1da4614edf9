"""Prints a verdict as a table."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from audit.facts import Facts
from audit.quiescence import messages_in
from audit.verdict import Verdict

SHOWN_PER_RULE = 5


def print_verdict(console: Console, verdict: Verdict, facts: Facts) -> None:
    """Prints each rule with what it found, then the violations, then what was looked at."""
    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    for rule, found in verdict.findings:
        table.add_row(_mark(None if found is None else len(found)), escape(rule.name))
    console.print(table)
    for rule, found in verdict.findings:
        if found:
            console.print(f"\n[bold red]{escape(rule.name)}[/]: {len(found)} violations", highlight=False)
            for violation in found[:SHOWN_PER_RULE]:
                console.print(f"  {violation.where}: {violation.what}", markup=False, highlight=False, soft_wrap=True)
            if len(found) > SHOWN_PER_RULE:
                console.print(f"  and {len(found) - SHOWN_PER_RULE} more", highlight=False)
    console.print("\n  Looked at:", highlight=False)
    for line in census(facts):
        console.print(f"    {line}", highlight=False, soft_wrap=True)
    if facts.unseen:
        console.print("\n  Not looked at:", highlight=False)
    for unseen in facts.unseen:
        style = "bold red" if unseen.hides else None
        console.print(f"    {unseen}", markup=False, highlight=False, soft_wrap=True, style=style)


def census(facts: Facts) -> list[str]:
    """Says how much was looked at, and in which states it was."""
    written = sum(len(messages) for messages in facts.logs.values())
    different = sum(messages_in(messages) for messages in facts.logs.values())
    sagas = [saga for state in facts.databases.values() for saga in state.sagas]
    return [
        f"{len(facts.databases)} services: {', '.join(sorted(facts.databases))}",
        f"{len(facts.patients)} patients, {len(facts.charts)} charts, {len(facts.wards)} wards",
        f"{len(facts.lab_results)} lab results, {len(facts.notifications)} notifications",
        _by_status("prescriptions", [each.status for each in facts.prescriptions.values()]),
        _by_status("admissions", [each.status for each in facts.admissions.values()]),
        _by_status("sagas", [saga.status for saga in sagas]),
        f"{different} messages in {len(facts.logs)} logs, {written - different} of which are there more than once",
    ]


def _by_status(noun: str, statuses: Sequence[str]) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in sorted(Counter(statuses).items()))
    return f"{len(statuses)} {noun}: {counts}" if statuses else f"no {noun}"


def _mark(violations: int | None) -> str:
    if violations is None:
        return "[dim]not checked[/]"
    return f"[bold red]{violations} broken[/]" if violations else "[green]holds[/]"
