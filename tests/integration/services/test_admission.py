"""Admissions through the real services ward, patient and billing, each on its own PostgreSQL database."""

from collections.abc import Iterator
from contextlib import ExitStack
from uuid import UUID

import psycopg
import pytest

from infirmary.identifiers import new_id
from infirmary.postgres.sagas.orchestrator import orchestrator_of
from infirmary.postgres.transaction import transaction
from infirmary.saga.definition import MAX_SILENT_ATTEMPTS
from infirmary.tracing.causation import causation_of
from tests.integration.conftest import NewDatabase
from tests.integration.services.postman import Hospital


@pytest.fixture
def hospital(new_database: NewDatabase) -> Iterator[Hospital]:
    with ExitStack() as stack:
        hospital = Hospital(new_database, stack)
        yield hospital
        for service in hospital.services.values():
            assert service.database.execute("SELECT type, error FROM parked_message").fetchall() == []


def test_a_patient_is_admitted_when_all_have_done_their_part_and_a_discharge_frees_the_bed(hospital: Hospital) -> None:
    patient_id = hospital.patient()
    admission_id = hospital.admit(patient_id)
    assert hospital.admission(admission_id) == ("running", None, ["done", "done", "done", "running"])
    hospital.confirm(admission_id)
    assert hospital.admission(admission_id) == ("completed", None, ["done"] * 4)
    assert (hospital.in_bed(), hospital.is_admitted(patient_id)) == ([admission_id], True)
    hospital.call("patient", "POST", f"/patients/{patient_id}/discharge")
    hospital.carry()
    assert hospital.in_bed() == []


def test_an_admission_without_a_free_bed_fails_at_once(hospital: Hospital) -> None:
    hospital.admit(hospital.patient())
    late = hospital.admit(hospital.patient())
    assert hospital.admission(late) == ("failed", "no free bed", ["refused", "waiting", "waiting", "waiting"])


def test_a_held_account_undoes_the_admission_and_releases_the_bed(hospital: Hospital) -> None:
    patient_id = hospital.patient()
    hospital.call("billing", "PUT", f"/accounts/{patient_id}/hold", {"held": True})
    status, reason, steps = hospital.admission(hospital.admit(patient_id))
    assert (status, steps) == ("failed", ["compensated", "compensated", "refused", "waiting"])
    assert reason is not None
    assert "hold" in reason or "held" in reason
    assert (hospital.in_bed(), hospital.is_admitted(patient_id), hospital.billed(patient_id)) == ([], False, [])


def test_a_second_admission_of_the_same_patient_takes_nothing_from_the_first(hospital: Hospital) -> None:
    hospital.call("ward", "PUT", "/wards/W1", {"name": "West", "beds": 2})
    patient_id = hospital.patient()
    first, second = hospital.admit(patient_id), hospital.admit(patient_id)
    assert hospital.admission(second)[:2] == ("failed", "the patient is already admitted")
    assert (hospital.in_bed(), hospital.is_admitted(patient_id)) == ([first], True)


def test_replies_that_come_together_carry_each_admission_as_far_as_one_after_the_other(hospital: Hospital) -> None:
    first, second = hospital.begin(), hospital.begin()
    hospital.reply_together((first, "done"), (second, "refused"), (first, "done"), (str(new_id()), "done"))
    assert hospital.admission(first) == ("running", None, ["done", "running", "waiting", "waiting"])
    assert hospital.admission(second)[0] == "failed"
    sent = [properties["type"] for _, (properties, _) in hospital.services["admission"].post_bag()]
    asked = ["ReserveBed", "AdmissionRequested"]
    assert sent == [*asked, *asked, "AdmitPatient", "AdmissionFailed"]
    (count,) = hospital.services["admission"].database.execute("SELECT count(*) FROM saga_history").fetchone() or (0,)
    assert count == 5


@pytest.mark.parametrize("late", ["CreateAdmissionBilling", "Reply"])
def test_when_billing_seems_silent_everything_is_undone_whether_it_had_billed_or_not(
    hospital: Hospital, late: str
) -> None:
    patient_id = hospital.patient()
    hospital.late = {"CreateAdmissionBilling"}
    admission_id = hospital.admit(patient_id)
    if late == "Reply":
        hospital.late = {"Reply"}
    hospital.silence()
    assert hospital.billed(patient_id) == ([] if late == "CreateAdmissionBilling" else ["posted"])
    for _ in range(MAX_SILENT_ATTEMPTS - 1):
        hospital.silence()
    hospital.late = set()
    for _ in range(3):
        hospital.silence()
    assert hospital.admission(admission_id) == (
        "failed",
        "billing does not answer",
        ["compensated", "compensated", "compensated", "waiting"],
    )
    assert (hospital.in_bed(), hospital.is_admitted(patient_id)) == ([], False)
    assert hospital.billed(patient_id) == ["voided"]


def test_a_refused_confirmation_parks_the_admission_until_an_operator_resumes_it(hospital: Hospital) -> None:
    admission_id = hospital.admit(hospital.patient())
    hospital.confirm(admission_id, "refused", "no address")
    assert hospital.admission(admission_id) == ("parked", "no address", ["done", "done", "done", "refused"])
    settings = hospital.services["admission"].settings
    orchestrator = orchestrator_of("admission")
    assert orchestrator is not None
    with (
        psycopg.connect(settings.as_owner().database_url, autocommit=True) as connection,
        transaction(connection, "admission", causation_of(None, None, None)) as tx,
    ):
        assert orchestrator.resume(tx, UUID(admission_id))
    assert hospital.admission(admission_id)[:2] == ("running", None)
    hospital.confirm(admission_id)
    assert hospital.admission(admission_id)[0] == "completed"


def test_the_admissions_of_a_patient_are_listed_in_pages_the_oldest_first(hospital: Hospital) -> None:
    patient_id = hospital.patient()
    hospital.admit(hospital.patient())
    mine = [hospital.admit(patient_id) for _ in range(3)]
    page = hospital.call("admission", "GET", f"/admissions?patient_id={patient_id}&limit=2")
    rest = hospital.call("admission", "GET", f"/admissions?patient_id={patient_id}&cursor={page['next_cursor']}")
    assert [each["admission_id"] for each in page["items"] + rest["items"]] == mine
    assert rest["next_cursor"] is None
    assert len(hospital.call("admission", "GET", "/admissions")["items"]) == 4
