"""Prints the day as it happens: in colour with moving bars on a terminal, as plain lines in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from audit.client import correlated
from audit.facts import LogMessage
from audit.responses import AdmissionResponse
from demo.traffic import Traffic

PLAIN_WIDTH = 110


class Disagreement(AssertionError):
    """The hospital did something else than the day's script says."""


class Narrator:
    """Tells what happens in the day and what follows from it, and checks it.

    Attributes:
        deeds: How many there were so far.
        messages: How many events, commands and replies have followed from them.
    """

    def __init__(self, traffic: Traffic, console: Console, mark: str) -> None:
        """Prepares the narrator.

        Args:
            traffic: Where it is heard what follows from a deed.
            console: Where everything is printed.
            mark: How the correlation ids of all deeds begin.
        """
        self.mark = mark
        self.traffic = traffic
        self.console = console
        self.deeds = 0
        self.messages = 0

    def section(self, title: str) -> None:
        """Begins a part of the day."""
        section(self.console, title)

    def say(self, line: str) -> None:
        """Prints a line."""
        self.console.print(f"  {line}", highlight=False, soft_wrap=True)

    @contextmanager
    def deed(self, title: str, *follows: str) -> Iterator[None]:
        """Surrounds something that somebody does, and shows what followed from it and when, from the deed's beginning.

        Args:
            title: What it is.
            follows: The types of the messages that must follow; they are waited for.

        Raises:
            MessageMissing: One of them did not come.
        """
        self.console.print(f"\n  [bold]{escape(title)}[/]", highlight=False)
        correlation_id = f"{self.mark}-{uuid4()}"
        began, began_at = datetime.now(UTC), time.perf_counter()
        with correlated(correlation_id):
            yield
        took_ms = (time.perf_counter() - began_at) * 1000
        messages = self.traffic.wait_for(correlation_id, follows)
        for message in messages:
            self.console.print(f"    {_described(message, began)}", style="dim", highlight=False, soft_wrap=True)
        self.console.print(f"    {took_ms:6.0f} ms  done", highlight=False)
        self.deeds += 1
        self.messages += len(messages)

    def check(self, holds: bool, claim: str) -> None:
        """Prints what holds.

        Raises:
            Disagreement: It does not.
        """
        if not holds:
            raise Disagreement(f"this should hold, and does not: {claim}")
        self.console.print(f"    [green]yes[/]  {escape(claim)}", highlight=False, soft_wrap=True)

    def show_steps(self, admission: AdmissionResponse) -> None:
        """Prints the steps of an admission's saga in the order in which they took the state that they are in."""
        reached = sorted((step.at, step.name, step.state) for step in admission.steps if step.at is not None)
        line = ", ".join(f"{name} {state}" for _, name, state in reached)
        self.console.print(f"               steps: {line}", style="dim", highlight=False)

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[], None]]:
        """Gives a function that is to be called once for each of `total` things done."""
        begun_at = time.perf_counter()
        if self.console.is_terminal:
            columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            with Progress(*columns, console=self.console, transient=True, refresh_per_second=4) as bars:
                task = bars.add_task(title, total=total)
                yield lambda: bars.advance(task)
        else:
            yield lambda: None
        self.say(f"{title}: {total} in {time.perf_counter() - begun_at:.1f} s")


def section(console: Console, title: str) -> None:
    """Prints the heading of a part."""
    console.print()
    console.rule(f"[bold]{escape(title)}[/]", align="left", characters="-")


def _described(message: LogMessage, since: datetime) -> str:
    ms = ((message.at or since) - since).total_seconds() * 1000
    return escape(f"{ms:6.0f} ms  {message.source:<13} {message.type}{_detail(message)}")


def _detail(message: LogMessage) -> str:
    names = ("step", "outcome", "reason", "amount", "balance", "text")
    shown = [f"{name} {message.body[name]}" for name in names if message.body.get(name)]
    return f"  ({', '.join(shown)})" if shown else ""
