"""Waits at the end of a run until nothing is under way, and says what never was answered or came to rest."""

from collections.abc import Callable, Iterable

from audit.collector import Collector, NotAtRest
from tests.chaos.checker.finding import Column, Finding, found

AT_REST = "everything comes to rest after the last fault"
ANSWERED = "every request is answered at last, and none with an error of the service"


def come_to_rest(collector: Collector, within_s: float, announce: Callable[[str], None]) -> list[Finding]:
    """Waits; returns what is still under way when the time is over."""
    try:
        announce(f"At rest after {collector.await_quiescence(within_s):.1f} s")
    except NotAtRest as unrest:
        return [found(Column.STUCK, AT_REST, "the hospital", what) for what in unrest.still_open]
    return []


def unanswered(failures: Iterable[str]) -> list[Finding]:
    """Returns the requests that failed as findings."""
    return [found(Column.STUCK, ANSWERED, "a client", failure) for failure in failures]
