"""What looks odd at first sight and is in order, and what is not."""

from dataclasses import replace

import pytest

from audit.checks import acknowledged, beds, billing, notifications, read_models, sagas
from audit.facts import Facts
from audit.ledger import DispensingAsked, Ledger
from audit.verdict import violations
from tests.unit.audit.changes import changed, chart, erased, notified, patient, prescription, saga, ward
from tests.unit.audit.consistent_hospital import ACCEPTED, ADA, ADMISSION, facts_in_order, ledger_in_order


@pytest.fixture
def facts() -> Facts:
    return facts_in_order()


@pytest.fixture
def ledger() -> Ledger:
    return ledger_in_order()


def test_a_parked_admission_with_a_reason_may_hold_its_bed(facts: Facts, ledger: Ledger) -> None:
    steps = {"bed": "done", "admission": "done", "billing": "done", "confirmation": "refused"}
    parked = saga(facts, "parked", "no success for a day", **steps)
    admissions = {**facts.admissions, ADMISSION: changed(facts.admissions[ADMISSION], status="parked")}
    facts = notified(replace(parked, admissions=admissions), ADMISSION, 0)
    broken = {violation.rule for violation in violations(facts, ledger)}
    assert not broken & {beds.BEDS, notifications.CONFIRMATIONS, billing.ADMISSIONS, sagas.ENDED}


def test_a_discharged_patient_holds_no_bed(facts: Facts, ledger: Ledger) -> None:
    home = replace(facts.logs["patient"][-1], type="PatientDischarged", body={"admission_id": str(ADMISSION)})
    facts = replace(facts, logs={**facts.logs, "patient": (facts.logs["patient"][0], home)})
    assert beds.BEDS in {violation.rule for violation in violations(facts, ledger)}
    facts = patient(ward(facts, reserved=0, free=1, reservations=()), admitted=False)
    assert (
        violations(chart(facts, admission=None, patient=changed(facts.charts[ADA].patient, admitted=False)), ledger)
        == []
    )


def test_a_dispensing_that_failed_with_a_reason_has_come_about(facts: Facts, ledger: Ledger) -> None:
    ledger.stock.append(DispensingAsked(ACCEPTED))
    rule = acknowledged.CAME_ABOUT
    assert rule in {violation.rule for violation in violations(facts, ledger)}
    facts = prescription(facts, ACCEPTED, reason="out of stock")
    assert rule not in {violation.rule for violation in violations(facts, ledger)}


def test_nothing_is_said_about_repeats_when_a_request_was_never_answered(facts: Facts, ledger: Ledger) -> None:
    del ledger.prescriptions[ACCEPTED]
    assert acknowledged.ONCE in {violation.rule for violation in violations(facts, ledger)}
    ledger.unanswered.append("POST /prescriptions")
    assert acknowledged.ONCE not in {violation.rule for violation in violations(facts, ledger)}


def test_a_person_who_was_erased_is_nowhere_called_by_name(facts: Facts, ledger: Ledger) -> None:
    ledger.erased.add(ADA)
    gone = erased(facts)
    rules = {read_models.SNAPSHOTS, read_models.CHARTS, acknowledged.KEPT, acknowledged.CAME_ABOUT}
    assert rules & {violation.rule for violation in violations(gone, ledger)} == {read_models.SNAPSHOTS}
    for prescription_id in gone.prescriptions:
        gone = prescription(gone, prescription_id, patient_name="erased")
    results = {key: changed(each, patient_name="erased") for key, each in gone.lab_results.items()}
    gone = replace(gone, lab_results=results)
    assert not rules & {violation.rule for violation in violations(gone, ledger)}
    still_charted = replace(gone, charts=facts.charts)
    assert read_models.CHARTS in {violation.rule for violation in violations(still_charted, ledger)}
    still_there = replace(gone, patients=facts.patients)
    assert acknowledged.CAME_ABOUT in {violation.rule for violation in violations(still_there, ledger)}
