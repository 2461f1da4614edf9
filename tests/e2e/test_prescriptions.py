"""Prescriptions: a choreographed saga over prescription, inventory, billing and notification."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from audit.client import Refusal
from demo.client import Hospital
from demo.entities import Prescription


def entry_of(prescription: Prescription, hospital: Hospital) -> tuple[str, str | None]:
    """Returns status and amount of the prescription's only entry."""
    account = hospital.ask.account(prescription.now.patient_id)
    (entry,) = [entry for entry in account.entries if entry.reference_id == prescription.prescription_id]
    return entry.status, None if entry.amount is None else str(entry.amount)


def test_a_prescription_with_stock_is_accepted_and_priced(hospital: Hospital) -> None:
    patient, medication = hospital.patient(), hospital.medication(boxes=10, unit_price="2.50")
    prescription = hospital.prescribe(patient, medication, 4)
    hospital.eventually(prescription.is_accepted, because="there are ten boxes")
    hospital.eventually(lambda: entry_of(prescription, hospital) == ("open", "10.00"), because="4 x 2.50 is 10.00")
    assert (medication.now.on_hand, medication.now.reserved, medication.now.available) == (10, 4, 6)


def test_a_prescription_without_stock_is_rejected_voided_and_notified_once(hospital: Hospital) -> None:
    patient, medication = hospital.patient(), hospital.medication(boxes=1)
    prescription = hospital.prescribe(patient, medication, 2)
    hospital.eventually(prescription.is_rejected, because="there is one box only")
    hospital.eventually(lambda: entry_of(prescription, hospital)[0] == "voided", because="nothing is owed for it")
    hospital.eventually(lambda: len(patient.notifications) == 1, because="the patient is told")
    assert prescription.now.reason == "out of stock"
    assert medication.now.reserved == 0


def test_a_prescription_of_an_unknown_medication_is_rejected(hospital: Hospital) -> None:
    patient, medication = hospital.patient(), hospital.medication()
    unknown = type(medication)("never-heard-of-it", medication.ask)
    prescription = hospital.prescribe(patient, unknown, 1)
    hospital.eventually(prescription.is_rejected, because="nobody knows the medication")


def test_a_cancelled_prescription_gives_its_stock_back_and_owes_nothing(hospital: Hospital) -> None:
    patient, medication = hospital.patient(), hospital.medication(boxes=5)
    accepted = hospital.prescribe(patient, medication, 5)
    hospital.eventually(accepted.is_accepted, because="there are five boxes")
    hospital.cancel(accepted)
    hospital.eventually(lambda: medication.now.available == 5, because="the boxes are free again")
    hospital.eventually(lambda: entry_of(accepted, hospital)[0] == "voided", because="nothing is owed for it")
    with pytest.raises(Refusal) as refusal:
        hospital.dispense(accepted)
    assert refusal.value.status == 409


def test_prescriptions_cancelled_at_once_leave_nothing_reserved(hospital: Hospital) -> None:
    patient, medication = hospital.patient(), hospital.medication(boxes=20)
    for _ in range(10):
        hospital.cancel(hospital.prescribe(patient, medication, 2))
    hospital.eventually(lambda: medication.now.available == 20, because="everything was cancelled")
    hospital.eventually(lambda: str(patient.account.balance) == "0.00", because="nothing is owed")


def test_a_dispensed_prescription_leaves_the_shelf_and_is_posted_once(hospital: Hospital) -> None:
    patient, medication = hospital.patient(), hospital.medication(boxes=10, unit_price="3.00")
    prescription = hospital.prescribe(patient, medication, 2)
    hospital.eventually(prescription.is_accepted, because="there are ten boxes")
    hospital.dispense_and_wait(prescription)
    assert prescription.is_dispensed()
    assert (medication.now.on_hand, medication.now.reserved) == (8, 0)
    hospital.eventually(lambda: entry_of(prescription, hospital) == ("posted", "6.00"), because="the entry is posted")


def test_a_charge_that_is_refused_puts_the_boxes_back(hospital: Hospital) -> None:
    patient, medication = hospital.patient(), hospital.medication(boxes=3)
    prescription = hospital.prescribe(patient, medication, 3)
    hospital.eventually(prescription.is_accepted, because="there are three boxes")
    hospital.hold(patient)
    hospital.dispense_and_wait(prescription)
    assert prescription.is_accepted()
    assert prescription.now.reason == "credit hold"
    assert (medication.now.on_hand, medication.now.reserved) == (3, 3)
    assert entry_of(prescription, hospital)[0] == "open"
    hospital.hold(patient, held=False)
    hospital.dispense_and_wait(prescription)
    assert prescription.is_dispensed()


def test_fifty_concurrent_dispensings_of_the_last_ten_boxes(hospital: Hospital) -> None:
    medication = hospital.medication(boxes=50, unit_price="1.00")
    patients = [hospital.patient() for _ in range(50)]
    with ThreadPoolExecutor(16) as pool:
        prescriptions = list(pool.map(lambda patient: hospital.prescribe(patient, medication), patients))
        for prescription in prescriptions:
            hospital.eventually(prescription.is_accepted, because="there are fifty boxes")
        hospital.count(medication, 10)
        list(pool.map(hospital.dispense_and_wait, prescriptions))
    dispensed = [prescription for prescription in prescriptions if prescription.is_dispensed()]
    refused = [prescription for prescription in prescriptions if prescription.is_accepted()]
    assert (len(dispensed), len(refused)) == (10, 40)
    assert all("out of stock" in (prescription.now.reason or "") for prescription in refused)
    assert {entry_of(prescription, hospital)[0] for prescription in refused} == {"open"}
    assert {entry_of(prescription, hospital)[0] for prescription in dispensed} == {"posted"}
    assert (medication.now.on_hand, medication.now.reserved, medication.now.available) == (0, 40, -40)
