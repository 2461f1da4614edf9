"""Everybody pays once for what they got, and for nothing else."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from audit.facts import Facts
from audit.ledger import Ledger
from audit.responses import EntryResponse
from audit.violation import Violation

PRESCRIPTIONS = "one live billing entry per accepted or dispensed prescription"
ADMISSIONS = "one live billing entry per completed admission"
BALANCES = "a balance is the sum of the priced entries that are not voided"

LIVE_AS = {"accepted": "open", "dispensed": "posted"}


def prescriptions_are_billed_once(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """Accepted: one open entry. Dispensed: one posted entry. Rejected or cancelled: none that is live."""
    live = _live_entries(facts, "prescription")
    for prescription in facts.prescriptions.values():
        where = f"prescription {prescription.prescription_id}, {prescription.status}"
        entries = live.pop(prescription.prescription_id, [])
        if prescription.status in ("pending", "dispensing"):
            continue
        expected = LIVE_AS.get(prescription.status)
        if [entry.status for entry in entries] != ([expected] if expected else []):
            found = ", ".join(entry.status for entry in entries) or "none"
            yield Violation(PRESCRIPTIONS, where, f"live entries: {found}; expected: {expected or 'none'}")
        elif any(entry.amount is None for entry in entries):
            yield Violation(PRESCRIPTIONS, where, "its entry has no price")
    for prescription_id, entries in live.items():
        yield Violation(
            PRESCRIPTIONS, f"prescription {prescription_id}", f"unknown, but has {len(entries)} live entries"
        )


def admissions_are_billed_once(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """Completed: one entry with a price. Failed: none that is live."""
    live = _live_entries(facts, "admission")
    for admission in facts.admissions.values():
        entries = live.pop(admission.admission_id, [])
        expected = 1 if admission.status == "completed" else 0
        where = f"admission {admission.admission_id}, {admission.status}"
        if admission.status in ("completed", "failed") and len(entries) != expected:
            yield Violation(ADMISSIONS, where, f"{len(entries)} live entries, expected {expected}")
        elif any(entry.amount is None for entry in entries):
            yield Violation(ADMISSIONS, where, "its entry has no price")
    for admission_id, entries in live.items():
        yield Violation(ADMISSIONS, f"admission {admission_id}", f"unknown, but has {len(entries)} live entries")


def balances_add_up(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """Every account's balance follows from its entries."""
    for patient_id, account in facts.accounts.items():
        total = sum((entry.amount or Decimal(0) for entry in account.entries if entry.is_live), Decimal(0))
        if account.balance != total:
            yield Violation(BALANCES, f"account {patient_id}", f"balance {account.balance}, live entries {total}")


def _live_entries(facts: Facts, kind: str) -> dict[UUID, list[EntryResponse]]:
    live: dict[UUID, list[EntryResponse]] = defaultdict(list)
    for account in facts.accounts.values():
        for entry in account.entries:
            if entry.kind == kind and entry.is_live:
                live[entry.reference_id].append(entry)
    return dict(live)
