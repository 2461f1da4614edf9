"""Admissions: an orchestrated saga over ward, patient, billing and notification."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from audit.client import Refusal
from demo.client import Hospital
from demo.entities import Admission


def states(admission: Admission) -> dict[str, str]:
    """Returns how far each step is."""
    return {step.name: step.state for step in admission.now.steps}


def test_an_admission_completes_and_the_patient_is_told_once(hospital: Hospital) -> None:
    patient, ward = hospital.patient(), hospital.ward(beds=1)
    admission = hospital.admit(patient, ward)
    hospital.eventually(admission.has_completed, because="everybody agrees")
    assert patient.is_admitted
    assert ward.free_beds == 0
    assert set(states(admission).values()) == {"done"}
    assert str(patient.account.balance) == "100.00"
    assert [notification.kind for notification in patient.notifications] == ["admission_confirmed"]
    hospital.eventually(lambda: patient.chart is not None and patient.chart.patient.admitted, because="the chart knows")


def test_a_refused_billing_releases_the_bed(hospital: Hospital) -> None:
    ward = hospital.ward(beds=1)
    patient = hospital.patient(on_credit_hold=True)
    admission = hospital.admit(patient, ward)
    hospital.eventually(admission.has_failed, because="credit hold")
    assert admission.now.reason == "credit hold"
    assert ward.free_beds == 1
    assert not patient.is_admitted
    assert states(admission) == {
        "bed": "compensated",
        "admission": "compensated",
        "billing": "refused",
        "confirmation": "waiting",
    }
    undone = {step.name: step.at for step in admission.now.steps if step.at is not None}
    assert undone["admission"] < undone["bed"], "compensations run in reverse order"
    assert patient.notifications == []


def test_a_full_ward_refuses_at_once(hospital: Hospital) -> None:
    ward = hospital.ward(beds=0)
    patient = hospital.patient()
    admission = hospital.admit(patient, ward)
    hospital.eventually(admission.has_failed, because="there is no bed")
    assert admission.now.reason == "no free bed"
    assert not patient.is_admitted


def test_a_patient_is_admitted_once_and_the_second_bed_is_free_again(hospital: Hospital) -> None:
    patient, ward, other = hospital.patient(), hospital.ward(beds=1), hospital.ward(beds=1)
    first = hospital.admit(patient, ward)
    hospital.eventually(first.has_completed, because="everybody agrees")
    second = hospital.admit(patient, other)
    hospital.eventually(second.has_failed, because="the patient is admitted already")
    assert other.free_beds == 1
    assert patient.is_admitted
    assert str(patient.account.balance) == "100.00"


def test_the_last_bed_is_given_to_one_of_many(hospital: Hospital) -> None:
    ward = hospital.ward(beds=3)
    patients = [hospital.patient() for _ in range(12)]
    with ThreadPoolExecutor(12) as pool:
        admissions = list(pool.map(lambda patient: hospital.admit(patient, ward), patients))
    for admission in admissions:
        hospital.eventually(admission.has_ended, because="every saga ends")
    assert [admission.has_completed() for admission in admissions].count(True) == 3
    assert ward.free_beds == 0
    assert sum(patient.is_admitted for patient in patients) == 3


def test_a_discharge_frees_the_bed_for_the_next(hospital: Hospital) -> None:
    patient, next_patient, ward = hospital.patient(), hospital.patient(), hospital.ward(beds=1)
    hospital.eventually(hospital.admit(patient, ward).has_completed, because="the bed is free")
    hospital.discharge(patient)
    hospital.eventually(lambda: ward.free_beds == 1, because="the ward hears of the discharge")
    hospital.eventually(hospital.admit(next_patient, ward).has_completed, because="the bed is free again")
    with pytest.raises(Refusal) as refusal:
        hospital.discharge(patient)
    assert refusal.value.status == 409
