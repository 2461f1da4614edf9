"""Each rule is broken by hand, in facts that are otherwise in order, and must be the one that complains."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import pytest

from audit.checks import acknowledged, beds, billing, messaging, notifications, read_models, record, sagas, stock
from audit.facts import Facts, HeldMessage, Record, Unseen
from audit.ledger import Ledger
from audit.responses import ReservationResponse
from audit.verdict import RULES, judge, violations
from tests.unit.audit.changes import (
    account,
    changed,
    chart,
    database,
    entry_of,
    entry_twice,
    notified,
    patient,
    penicillin,
    prescription,
    saga,
    ward,
)
from tests.unit.audit.consistent_hospital import (
    ACCEPTED,
    ADA,
    ADMISSION,
    CANCELLED,
    CRITICAL,
    DISPENSED,
    FAILED,
    HARMLESS,
    REJECTED,
    SEEN,
    facts_in_order,
    ledger_in_order,
)

Breaking = Callable[[Facts], Facts]

BEHIND = {"admission.to.patient": None}


def given(adas: int, **others: int) -> dict[str, dict[str, int]]:
    """Returns the numbers that the patient service has given out to events."""
    return {"patient": {str(ADA): adas, **others}}


def on_record(facts: Facts) -> Mapping[tuple[str, UUID], int]:
    """Returns what is on record."""
    assert facts.record is not None
    return facts.record.made


def fewer_on_record(facts: Facts, service: str) -> Facts:
    """Returns facts in which one request of a service is on record no more than a client was answered."""
    acknowledged = {"patient": 1, "prescription": 4, "lab": 2, "admission": 2}[service]
    return replace(facts, record=Record({**on_record(facts), (service, ADA): acknowledged - 1}, {("lab", SEEN): 2}))


@pytest.fixture
def facts() -> Facts:
    return facts_in_order()


@pytest.fixture
def ledger() -> Ledger:
    return ledger_in_order()


def test_a_consistent_hospital_has_no_violation(facts: Facts, ledger: Ledger) -> None:
    assert violations(facts, ledger) == []


def test_without_a_ledger_only_the_rules_that_need_one_are_left_out(facts: Facts) -> None:
    verdict = judge(facts)
    assert verdict.violations == []
    assert verdict.rules_checked == sum(not rule.needs_ledger for rule in RULES)


BREAKINGS: list[tuple[str, str, Breaking]] = [
    (
        messaging.COMPLETE,
        "a database was out of reach",
        lambda f: replace(f, unseen=[Unseen("ward", "database", "away")]),
    ),
    (messaging.OUTBOXES, "a message has not left", lambda f: database(f, "patient", outbox=1)),
    (messaging.READERS, "a command was not taken", lambda f: database(f, "patient", readers=BEHIND)),
    (messaging.READERS, "nobody reads the commands", lambda f: database(f, "patient", readers={})),
    (messaging.APPLIED, "a reply was skipped", lambda f: database(f, "admission", applied={})),
    (messaging.READERS, "a reader is behind", lambda f: database(f, "lab", readers={"patient.events": 0})),
    (messaging.READERS, "a reader has not begun", lambda f: database(f, "lab", readers={"patient.events": None})),
    (messaging.READERS, "a reader is missing", lambda f: database(f, "lab", readers={})),
    (messaging.APPLIED, "an event was skipped", lambda f: database(f, "lab", applied={("patient", str(ADA)): 1})),
    (
        messaging.HELD,
        "a message is parked",
        lambda f: database(f, "lab", held=[HeldMessage("patient.events", "x", "PatientRegistered", "KeyError")]),
    ),
    (
        messaging.HELD,
        "a message waits",
        lambda f: database(f, "lab", held=[HeldMessage("patient.events", "x", "PatientRegistered", None)]),
    ),
    (messaging.SEQUENCES, "a number is given out, not there", lambda f: database(f, "patient", given=given(3))),
    (messaging.SEQUENCES, "a whole subject is not there", lambda f: database(f, "patient", given=given(2, x=1))),
    (
        messaging.SEQUENCES,
        "a command is given out, not there",
        lambda f: database(f, "admission", given={"admission.to.patient": {str(ADMISSION): 2}}),
    ),
    (sagas.ENDED, "a saga is under way", lambda f: saga(f, "running", None, bed="running")),
    (sagas.ENDED, "a saga is parked without a reason", lambda f: saga(f, "parked", None, bed="done")),
    (sagas.ENDED, "a saga has failed without a reason", lambda f: saga(f, "failed", None, bed="refused")),
    (sagas.UNDONE, "a failed saga keeps a bed", lambda f: saga(f, "failed", "hold", bed="done", billing="refused")),
    (sagas.UNDONE, "a completed saga has a step left", lambda f: saga(f, "completed", None, bed="in doubt")),
    (sagas.DECIDED, "a prescription is undecided", lambda f: prescription(f, ACCEPTED, status="pending")),
    (beds.BEDS, "a bed is empty", lambda f: ward(f, reserved=0, free=1, reservations=())),
    (beds.BEDS, "a ward counts wrongly", lambda f: ward(f, free=1)),
    (beds.BEDS, "more beds are taken than there are", lambda f: ward(f, beds=0, free=-1)),
    (
        beds.BEDS,
        "a failed admission holds a bed",
        lambda f: ward(
            f,
            beds=2,
            reserved=2,
            reservations=(
                *f.wards["maternity"].reservations,
                ReservationResponse(admission_id=FAILED, patient_id=ADA),
            ),
        ),
    ),
    (
        beds.BEDS,
        "an admission holds two beds",
        lambda f: ward(f, beds=2, reserved=2, reservations=f.wards["maternity"].reservations * 2),
    ),
    (
        beds.BEDS,
        "somebody else lies in the bed",
        lambda f: ward(f, reservations=(ReservationResponse(admission_id=ADMISSION, patient_id=uuid4()),)),
    ),
    (beds.BEDS, "the patient does not know of the bed", lambda f: patient(f, admitted=False)),
    (stock.ON_HAND, "a box has gone", lambda f: penicillin(f, on_hand=7, available=5)),
    (stock.ON_HAND, "a dispensed box is still there", lambda f: penicillin(f, on_hand=10, available=8)),
    (stock.RESERVED, "a box is reserved for nobody", lambda f: penicillin(f, reserved=3, available=5)),
    (stock.RESERVED, "a prescription has no box", lambda f: penicillin(f, reserved=0, available=8)),
    (stock.RESERVED, "what is available does not add up", lambda f: penicillin(f, available=9)),
    (billing.PRESCRIPTIONS, "a prescription is billed twice", lambda f: entry_twice(f, ACCEPTED)),
    (billing.PRESCRIPTIONS, "a prescription is not billed", lambda f: entry_of(f, ACCEPTED, status="voided")),
    (billing.PRESCRIPTIONS, "a dispensed one is not posted", lambda f: entry_of(f, DISPENSED, status="open")),
    (billing.PRESCRIPTIONS, "a rejected one is billed", lambda f: entry_of(f, REJECTED, status="open")),
    (billing.PRESCRIPTIONS, "a cancelled one is billed", lambda f: entry_of(f, CANCELLED, status="open")),
    (billing.PRESCRIPTIONS, "an accepted one has no price", lambda f: entry_of(f, ACCEPTED, amount=None)),
    (billing.PRESCRIPTIONS, "an unknown one is billed", lambda f: entry_of(f, ACCEPTED, reference_id=uuid4())),
    (billing.ADMISSIONS, "an admission is billed twice", lambda f: entry_twice(f, ADMISSION)),
    (billing.ADMISSIONS, "an admission is not billed", lambda f: entry_of(f, ADMISSION, status="voided")),
    (billing.ADMISSIONS, "a failed one is billed", lambda f: entry_of(f, ADMISSION, reference_id=FAILED)),
    (billing.ADMISSIONS, "an unknown one is billed", lambda f: entry_of(f, ADMISSION, reference_id=uuid4())),
    (billing.BALANCES, "a balance does not add up", lambda f: account(f, balance=Decimal("150.01"))),
    (notifications.CONFIRMATIONS, "an admission is not confirmed", lambda f: notified(f, ADMISSION, 0)),
    (notifications.CONFIRMATIONS, "an admission is confirmed twice", lambda f: notified(f, ADMISSION, 2)),
    (notifications.REJECTIONS, "a rejection is not told", lambda f: notified(f, REJECTED, 0)),
    (notifications.REJECTIONS, "a cancelled one is told of", lambda f: prescription(f, REJECTED, status="cancelled")),
    (notifications.CRITICAL, "a critical result is told twice", lambda f: notified(f, CRITICAL, 2)),
    (
        notifications.CRITICAL,
        "a harmless result is told of",
        lambda f: replace(
            f, notifications=[*f.notifications, changed(f.notifications[2], reference_id=HARMLESS)]
        ),
    ),
    (read_models.SNAPSHOTS, "one has the old name", lambda f: prescription(f, ACCEPTED, patient_name="Ada King")),
    (
        read_models.SNAPSHOTS,
        "a lab result has the old name",
        lambda f: replace(
            f, lab_results={**f.lab_results, CRITICAL: changed(f.lab_results[CRITICAL], patient_name="Ada King")}
        ),
    ),
    (read_models.CHARTS, "there is no chart", lambda f: replace(f, charts={})),
    (
        read_models.CHARTS,
        "a chart has the old name",
        lambda f: chart(f, patient=changed(f.charts[ADA].patient, full_name="Ada King", version=1)),
    ),
    (read_models.CHARTS, "a chart has no admission", lambda f: chart(f, admission=None)),
    (read_models.CHARTS, "it lacks a prescription", lambda f: chart(f, prescriptions=f.charts[ADA].prescriptions[1:])),
    (read_models.CHARTS, "a chart has a stale status", lambda f: prescription(f, REJECTED, status="accepted")),
    (read_models.CHARTS, "a chart shows a result twice", lambda f: chart(f, lab_results=f.charts[ADA].lab_results * 2)),
    (read_models.CHARTS, "it lacks a notification", lambda f: chart(f, notifications=f.charts[ADA].notifications[1:])),
    (read_models.CHARTS, "a chart has an old balance", lambda f: chart(f, balance=Decimal("50.00"))),
    (acknowledged.KEPT, "a patient is lost", lambda f: replace(f, patients={})),
    (acknowledged.KEPT, "a prescription is lost", lambda f: replace(f, prescriptions={})),
    (acknowledged.KEPT, "a lab result is lost", lambda f: replace(f, lab_results={})),
    (acknowledged.KEPT, "an admission is lost", lambda f: replace(f, admissions={})),
    (acknowledged.KEPT, "a name is lost", lambda f: patient(f, full_name="Ada King")),
    (acknowledged.KEPT, "a bed is lost", lambda f: ward(f, beds=2)),
    (acknowledged.KEPT, "a hold is not the one that was set", lambda f: account(f, held=True)),
    (acknowledged.CAME_ABOUT, "a cancellation is lost", lambda f: prescription(f, CANCELLED, status="accepted")),
    (acknowledged.CAME_ABOUT, "a dispensing is lost", lambda f: prescription(f, DISPENSED, status="accepted")),
    (
        acknowledged.ONCE,
        "a prescription was written twice",
        lambda f: replace(f, prescriptions={**f.prescriptions, (twin := uuid4()): changed(
            f.prescriptions[ACCEPTED], prescription_id=twin)}),
    ),
    (
        acknowledged.ONCE,
        "a lab result was recorded twice",
        lambda f: replace(f, lab_results={**f.lab_results, (twin := uuid4()): changed(
            f.lab_results[CRITICAL], lab_result_id=twin)}),
    ),
    (
        acknowledged.ONCE,
        "somebody was admitted twice",
        lambda f: replace(f, admissions={**f.admissions, (twin := uuid4()): changed(
            f.admissions[FAILED], admission_id=twin)}),
    ),
    (record.CHAIN, "a record was removed", lambda f: replace(f, record=Record(on_record(f), broken_at=3))),
    (record.SHOWN, "an answer is missing", lambda f: replace(f, record=Record(on_record(f), {("lab", SEEN): 1}))),
    *(
        (record.ON_RECORD, f"a request of {service} is missing", partial(fewer_on_record, service=service))
        for service in ("patient", "prescription", "lab", "admission")
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "breaking"), [pytest.param(rule, how, id=name) for rule, name, how in BREAKINGS])
def test_it_is_caught_when(rule: str, breaking: Breaking, facts: Facts, ledger: Ledger) -> None:
    assert rule in {violation.rule for violation in violations(breaking(facts), ledger)}


def test_a_rule_that_asks_whoever_is_silent_is_not_checked_and_the_silence_is_a_violation(facts: Facts) -> None:
    silent = replace(facts, unseen=[Unseen("billing", "API", "was away for 60 s")], accounts={})
    verdict = judge(silent)
    unchecked = {rule.name for rule, found in verdict.findings if found is None and not rule.needs_ledger}
    assert unchecked == {billing.PRESCRIPTIONS, billing.ADMISSIONS, billing.BALANCES, read_models.CHARTS}
    assert [violation.rule for violation in verdict.violations] == [messaging.COMPLETE]


def test_what_hides_nothing_breaks_nothing(facts: Facts, ledger: Ledger) -> None:
    assert violations(replace(facts, unseen=[Unseen("canteen", "tables", "it has no saga", hides=False)]), ledger) == []


def test_every_rule_is_broken_above() -> None:
    assert {rule for rule, _, _ in BREAKINGS} == {rule.name for rule in RULES}
