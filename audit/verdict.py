"""Applies every check to the facts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from audit.checks import acknowledged, beds, billing, messaging, notifications, read_models, record, sagas, stock
from audit.facts import Facts
from audit.hospital import HOSPITAL
from audit.ledger import Ledger
from audit.violation import Violation

Check = Callable[[Facts, Ledger], Iterable[Violation]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check, and what it needs.

    Attributes:
        needs_ledger: Whether it compares with what a client was told.
        asks: Whose API it has to have an answer from; without one it is not checked.
    """

    name: str
    check: Check
    needs_ledger: bool = False
    asks: frozenset[str] = frozenset()


def _of(*services: str) -> frozenset[str]:
    return frozenset(services)


_ALL = _of(*HOSPITAL)

RULES = (
    Rule(messaging.COMPLETE, messaging.everything_was_seen),
    Rule(messaging.OUTBOXES, messaging.outboxes_are_empty),
    Rule(messaging.READERS, messaging.readers_are_at_the_end),
    Rule(messaging.APPLIED, messaging.every_event_was_applied),
    Rule(messaging.HELD, messaging.nothing_is_held),
    Rule(messaging.SEQUENCES, messaging.sequences_are_contiguous),
    Rule(sagas.ENDED, sagas.sagas_have_ended),
    Rule(sagas.DECIDED, sagas.prescriptions_are_decided, asks=_of("prescription")),
    Rule(sagas.UNDONE, sagas.failed_sagas_are_undone),
    Rule(beds.BEDS, beds.beds_belong_to_admissions, asks=_of("ward", "admission")),
    Rule(stock.ON_HAND, stock.stock_on_hand_adds_up, needs_ledger=True, asks=_of("inventory", "prescription")),
    Rule(stock.RESERVED, stock.reserved_stock_is_for_accepted_prescriptions, asks=_of("inventory", "prescription")),
    Rule(billing.PRESCRIPTIONS, billing.prescriptions_are_billed_once, asks=_of("billing", "prescription")),
    Rule(billing.ADMISSIONS, billing.admissions_are_billed_once, asks=_of("billing", "admission")),
    Rule(billing.BALANCES, billing.balances_add_up, asks=_of("billing")),
    Rule(
        notifications.CONFIRMATIONS, notifications.admissions_are_confirmed_once, asks=_of("notification", "admission")
    ),
    Rule(
        notifications.REJECTIONS, notifications.rejections_are_notified_once, asks=_of("notification", "prescription")
    ),
    Rule(notifications.CRITICAL, notifications.critical_results_are_notified_once, asks=_of("notification", "lab")),
    Rule(read_models.SNAPSHOTS, read_models.snapshots_are_equal, asks=_of("patient", "prescription", "lab")),
    Rule(read_models.CHARTS, read_models.charts_are_equal, asks=_ALL),
    Rule(acknowledged.KEPT, acknowledged.acknowledged_things_are_kept, needs_ledger=True, asks=_ALL),
    Rule(acknowledged.CAME_ABOUT, acknowledged.acknowledged_changes_have_come_about, needs_ledger=True, asks=_ALL),
    Rule(acknowledged.ONCE, acknowledged.nothing_has_happened_twice, needs_ledger=True, asks=_ALL),
    Rule(record.CHAIN, record.chain_holds),
    Rule(record.ON_RECORD, record.acknowledged_changes_are_on_record, needs_ledger=True),
    Rule(record.SHOWN, record.shown_answers_are_on_record, needs_ledger=True),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What each rule found; None for a rule that could not be checked."""

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
    """Checks every rule; without a ledger those that need none, and not those that ask whoever has not answered."""
    silent = {unseen.service for unseen in facts.unseen if unseen.what == "API" and unseen.hides}
    told = ledger or Ledger()

    def found(rule: Rule) -> tuple[Violation, ...] | None:
        is_possible = not rule.asks & silent and not (rule.needs_ledger and ledger is None)
        return tuple(rule.check(facts, told)) if is_possible else None

    return Verdict([(rule, found(rule)) for rule in RULES])


def violations(facts: Facts, ledger: Ledger | None = None) -> list[Violation]:
    """Returns all that does not hold."""
    return judge(facts, ledger).violations
