"""Who did what is on record, and nobody has touched the record."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from audit.facts import Facts
from audit.ledger import Ledger
from audit.violation import Violation

CHAIN = "the record of access is as it was put down"
ON_RECORD = "what was acknowledged is on record"
SHOWN = "what was shown is on record"


def chain_holds(facts: Facts, _ledger: Ledger) -> Iterator[Violation]:
    """No record of access was changed, removed or moved since it was put down."""
    if facts.record is not None and facts.record.broken_at is not None:
        yield Violation(CHAIN, f"record {facts.record.broken_at}", "it or one before it was changed or removed")


def acknowledged_changes_are_on_record(facts: Facts, ledger: Ledger) -> Iterator[Violation]:
    """Of each patient there are as many requests on record as were acknowledged, or more: a retry is one, too."""
    if facts.record is None:
        return
    for (service, patient_id), acknowledged in _acknowledged(ledger).items():
        recorded = facts.record.made.get((service, patient_id), 0)
        if recorded < acknowledged:
            what = f"{recorded} requests of {service} are on record, acknowledged were {acknowledged}"
            yield Violation(ON_RECORD, f"patient {patient_id}", what)


def shown_answers_are_on_record(facts: Facts, ledger: Ledger) -> Iterator[Violation]:
    """Of each question that was answered there is a request on record."""
    if facts.record is None:
        return
    for (service, correlation_id), shown in ledger.shown.items():
        recorded = facts.record.shown.get((service, correlation_id), 0)
        if recorded < shown:
            what = f"{recorded} questions to {service} are on record, answered were {shown}"
            yield Violation(SHOWN, f"correlation {correlation_id}", what)


def _acknowledged(ledger: Ledger) -> Counter[tuple[str, UUID]]:
    return Counter(
        [
            *(("patient", patient_id) for patient_id in ledger.names),
            *(("prescription", each.patient_id) for each in ledger.prescriptions.values()),
            *(("lab", patient_id) for patient_id in ledger.lab_results.values()),
            *(("admission", patient_id) for patient_id in ledger.admissions.values()),
        ]
    )
