"""What a client was told has happened: once, and for good."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from audit.facts import Facts
from audit.ledger import DispensingAsked, Ledger
from audit.violation import Violation

KEPT = "what was acknowledged is kept"
CAME_ABOUT = "what was acknowledged has come about"
ONCE = "what was asked once has happened once"


def acknowledged_things_are_kept(facts: Facts, ledger: Ledger) -> Iterator[Violation]:
    """Nothing that was acknowledged is lost or different."""
    wanted: list[tuple[str, Mapping[UUID, object], Mapping[UUID, object]]] = [
        ("patient", ledger.names, facts.patients),
        ("prescription", ledger.prescriptions, facts.prescriptions),
        ("lab result", ledger.lab_results, facts.lab_results),
        ("admission", ledger.admissions, facts.admissions),
    ]
    for noun, acknowledged, found in wanted:
        for each in acknowledged.keys() - found.keys() - facts.erased():
            yield Violation(KEPT, f"{noun} {each}", "was acknowledged and does not exist")
    for patient_id, name in ledger.names.items():
        patient = facts.patients.get(patient_id)
        if patient and patient.full_name != name:
            yield Violation(
                KEPT, f"patient {patient_id}", f"is called {patient.full_name!r}, acknowledged was {name!r}"
            )
    for ward_id, beds in ledger.beds.items():
        ward = facts.wards.get(ward_id)
        if ward is None or ward.beds != beds:
            yield Violation(
                KEPT, f"ward {ward_id}", f"has {ward.beds if ward else 'no'} beds, acknowledged were {beds}"
            )
    for patient_id, held in ledger.holds.items():
        account = facts.accounts.get(patient_id)
        if account is None or account.held != held:
            yield Violation(KEPT, f"account {patient_id}", f"acknowledged was held={held}")


def acknowledged_changes_have_come_about(facts: Facts, ledger: Ledger) -> Iterator[Violation]:
    """Cancelled is cancelled, erased is erased; what was to be dispensed is, or is accepted again with the reason."""
    for patient_id in ledger.erased & facts.patients.keys():
        yield Violation(CAME_ABOUT, f"patient {patient_id}", "is there, acknowledged as erased")
    for prescription_id in ledger.cancelled:
        prescription = facts.prescriptions.get(prescription_id)
        if prescription and prescription.status != "cancelled":
            yield Violation(
                CAME_ABOUT, f"prescription {prescription_id}", f"is {prescription.status}, acknowledged as cancelled"
            )
    for operation in ledger.stock:
        if isinstance(operation, DispensingAsked) and operation.prescription_id not in ledger.cancelled:
            prescription = facts.prescriptions.get(operation.prescription_id)
            if prescription and prescription.status != "dispensed" and not prescription.reason:
                what = f"is {prescription.status} without a reason, and was to be dispensed"
                yield Violation(CAME_ABOUT, f"prescription {operation.prescription_id}", what)


def nothing_has_happened_twice(facts: Facts, ledger: Ledger) -> Iterator[Violation]:
    """A request that was repeated with its key has left one prescription, lab result or admission."""
    if ledger.unanswered:
        return
    ours = ledger.names.keys()
    for prescription in facts.prescriptions.values():
        if prescription.patient_id in ours and prescription.prescription_id not in ledger.prescriptions:
            yield Violation(ONCE, f"prescription {prescription.prescription_id}", "exists and was never acknowledged")
    for result in facts.lab_results.values():
        if result.patient_id in ours and result.lab_result_id not in ledger.lab_results:
            yield Violation(ONCE, f"lab result {result.lab_result_id}", "exists and was never acknowledged")
    for admission in facts.admissions.values():
        if admission.patient_id in ours and admission.admission_id not in ledger.admissions:
            yield Violation(ONCE, f"admission {admission.admission_id}", "exists and was never acknowledged")
