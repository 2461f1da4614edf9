"""Everything that the checker looks at: the audit of docs/guarantees.md, and what only a recorded history can show."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from audit.checks import acknowledged, messaging, notifications, sagas
from audit.facts import Facts, LogMessage
from audit.ledger import Ledger
from audit.verdict import RULES
from tests.chaos.checker import applications, logs
from tests.chaos.checker.finding import Column, Finding
from tests.chaos.history import History
from tests.chaos.injected import is_injected

COLUMNS = {
    messaging.OUTBOXES: Column.STUCK,
    messaging.READERS: Column.STUCK,
    messaging.HELD: Column.STUCK,
    messaging.APPLIED: Column.LOST,
    sagas.ENDED: Column.STUCK,
    sagas.DECIDED: Column.STUCK,
    acknowledged.KEPT: Column.LOST,
    acknowledged.CAME_ABOUT: Column.LOST,
    acknowledged.ONCE: Column.DOUBLED,
    notifications.CONFIRMATIONS: Column.DOUBLED,
    notifications.REJECTIONS: Column.DOUBLED,
    notifications.CRITICAL: Column.DOUBLED,
}
"""In which column a rule of the audit counts; the others are about what the services say of each other."""


def findings(history: History, facts: Facts, ledger: Ledger, window_messages: int) -> list[Finding]:
    """Returns all that is wrong."""
    return [*of_history(history, window_messages), *of_audit(facts, ledger)]


def of_history(history: History, window_messages: int) -> Iterator[Finding]:
    """Checks what was recorded."""
    yield from applications.applied_in_order(history)
    yield from applications.applied_once(history)
    yield from applications.applied_to_the_end(history)
    yield from logs.logs_are_complete(history)
    yield from logs.sequences_name_one_message(history)
    yield from logs.repeats_are_of_the_window(history, window_messages)


def of_audit(facts: Facts, ledger: Ledger) -> Iterator[Finding]:
    """Applies the audit's rules.

    What the nemesis has put into a log breaks the rule about a log's sequences, and is taken out for that one; so is
    what came too early, which happens when a log comes back in the middle of a window: the readers put it right, and
    `applications` makes sure that they did.
    """
    ordered = replace(facts, logs={name: in_order(messages) for name, messages in facts.logs.items()})
    for rule in RULES:
        looked_at = ordered if rule.name == messaging.SEQUENCES else facts
        for violation in rule.check(looked_at, ledger):
            yield Finding(COLUMNS.get(rule.name, Column.INCONSISTENT), violation)


def in_order(messages: Iterable[LogMessage]) -> list[LogMessage]:
    """Returns a log as a reader has applied it, without what the nemesis has put there."""
    kept = [message for message in messages if not is_injected(message)]
    first = {(each.subject, each.sequence): each for each in reversed(kept)}
    return sorted(first.values(), key=lambda each: (each.subject, each.sequence or 0))
