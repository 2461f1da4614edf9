"""Applies every check to the facts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from audit.checks import acknowledged, beds, billing, copies, messaging, notices, sagas, stock
from audit.facts import Facts
from audit.ledger import Ledger
from audit.violation import Violation

Check = Callable[[Facts, Ledger], Iterable[Violation]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check, and what it looked at."""

    name: str
    check: Check
    needs_ledger: bool = False


RULES = (
    Rule(messaging.OUTBOXES, messaging.outboxes_are_empty),
    Rule(messaging.INBOXES, messaging.inboxes_are_empty),
    Rule(messaging.READERS, messaging.readers_are_at_the_end),
    Rule(messaging.APPLIED, messaging.every_event_was_applied),
    Rule(messaging.HELD, messaging.nothing_is_held),
    Rule(messaging.SEQUENCES, messaging.sequences_are_contiguous),
    Rule(sagas.ENDED, sagas.sagas_have_ended),
    Rule(sagas.DECIDED, sagas.prescriptions_are_decided),
    Rule(sagas.UNDONE, sagas.failed_sagas_are_undone),
    Rule(beds.BEDS, beds.beds_belong_to_admissions),
    Rule(stock.ON_HAND, stock.stock_on_hand_adds_up, needs_ledger=True),
    Rule(stock.RESERVED, stock.reserved_stock_is_for_accepted_prescriptions),
    Rule(billing.PRESCRIPTIONS, billing.prescriptions_are_billed_once),
    Rule(billing.ADMISSIONS, billing.admissions_are_billed_once),
    Rule(billing.BALANCES, billing.balances_add_up),
    Rule(notices.CONFIRMATIONS, notices.admissions_are_confirmed_once),
    Rule(notices.REJECTIONS, notices.rejections_are_notified_once),
    Rule(notices.CRITICAL, notices.critical_results_are_notified_once),
    Rule(copies.SNAPSHOTS, copies.snapshots_are_equal),
    Rule(copies.CHARTS, copies.charts_are_equal),
    Rule(acknowledged.KEPT, acknowledged.acknowledged_things_are_kept, needs_ledger=True),
    Rule(acknowledged.CAME_ABOUT, acknowledged.acknowledged_changes_have_come_about, needs_ledger=True),
    Rule(acknowledged.ONCE, acknowledged.nothing_has_happened_twice, needs_ledger=True),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What each rule found; None for a rule that could not be checked without a ledger."""

    findings: Sequence[tuple[Rule, tuple[Violation, ...] | None]]

    @property
    def violations(self) -> list[Violation]:
        """All that does not hold."""
        return [violation for _, found in self.findings for violation in found or ()]

    @property
    def rules_checked(self) -> int:
        """How many rules were checked."""
        return sum(found is not None for _, found in self.findings)


def judge(facts: Facts, ledger: Ledger | None = None) -> Verdict:
    """Checks every rule; without a ledger those that need none."""
    told = ledger or Ledger()
    return Verdict(
        [(rule, None if ledger is None and rule.needs_ledger else tuple(rule.check(facts, told))) for rule in RULES]
    )


def violations(facts: Facts, ledger: Ledger | None = None) -> list[Violation]:
    """Returns all that does not hold."""
    return judge(facts, ledger).violations
