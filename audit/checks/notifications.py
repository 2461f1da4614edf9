"""Patients are told once, of the three things they are told of, and of nothing else."""

from collections import Counter
from collections.abc import Iterator, Mapping
from uuid import UUID

from audit.facts import Facts
from audit.ledger import Ledger
from audit.violation import Violation

CONFIRMATIONS = "one confirmation per completed admission"
REJECTIONS = "one notification per rejected prescription"
CRITICAL = "one notification per critical lab result"


def admissions_are_confirmed_once(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """Completed admissions, and only those; a parked one may have been confirmed."""
    wanted = {each.admission_id: int(each.status == "completed") for each in facts.admissions.values()}
    sent = _sent(facts, "admission_confirmed")
    for admission in facts.admissions.values():
        if admission.status == "parked" and sent[admission.admission_id] <= 1:
            wanted[admission.admission_id] = sent[admission.admission_id]
    yield from _compare(CONFIRMATIONS, "admission", wanted, sent)


def rejections_are_notified_once(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """Rejected prescriptions, and only those."""
    wanted = {each.prescription_id: int(each.status == "rejected") for each in facts.prescriptions.values()}
    yield from _compare(REJECTIONS, "prescription", wanted, _sent(facts, "prescription_rejected"))


def critical_results_are_notified_once(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """Critical lab results, and only those."""
    wanted = {each.lab_result_id: int(each.critical) for each in facts.lab_results.values()}
    yield from _compare(CRITICAL, "lab result", wanted, _sent(facts, "critical_lab_result"))


def _sent(facts: Facts, kind: str) -> Counter[UUID]:
    return Counter(each.reference_id for each in facts.notifications if each.kind == kind)


def _compare(rule: str, noun: str, wanted: Mapping[UUID, int], sent: Counter[UUID]) -> Iterator[Violation]:
    for reference_id in wanted.keys() | sent.keys():
        expected = wanted.get(reference_id, 0)
        if sent[reference_id] != expected:
            yield Violation(rule, f"{noun} {reference_id}", f"{sent[reference_id]} notifications, expected {expected}")
