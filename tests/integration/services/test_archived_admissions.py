"""An archived admission is found like any other, and what still comes for it is taken as for any that has ended."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from infirmary.identifiers import least_id_of
from infirmary.messages import Command, encode
from infirmary.postgres.housekeeping import chores_of_consumer
from infirmary.testing import message
from services.admission.messages import ReleaseReservation, ReserveBed
from tests.integration.conftest import NewDatabase
from tests.integration.services.postman import Hospital

DAYS_AGO = 20


@pytest.fixture
def hospital(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hospital]:
    """A hospital whose admissions have ids of 20 days ago."""
    began, numbers = least_id_of(time.time() - DAYS_AGO * 86_400), count(1)
    monkeypatch.setattr("services.admission.api.new_id", lambda: UUID(int=began.int + next(numbers)))
    with ExitStack() as stack:
        yield Hospital(new_database, stack)


def completed(hospital: Hospital, patient_id: str) -> str:
    """Admits a patient; what happened to the admission has happened 20 days ago."""
    admission_id = hospital.admit(patient_id)
    hospital.confirm(admission_id)
    hospital.services["admission"].database.execute(
        "UPDATE saga_history SET at = at - %s * interval '1 day' WHERE saga_id = %s", (DAYS_AGO, admission_id)
    )
    return admission_id


def housekeeping(hospital: Hospital) -> None:
    for service in hospital.services.values():
        for chore in chores_of_consumer(service.settings, service.database):
            while chore.some():
                pass


def asked_again(hospital: Hospital, command: type[Command], sequence: int, **about: Any) -> None:
    """The orchestrator asks ward once more, as for a saga that an operator has resumed."""
    saga_id = about["saga_id"]
    asked = command.model_validate({"attempt": 7, "reply_to": "admission", "admission_id": saga_id, **about})
    letter = message("admission", command.__name__, encode(asked), subject=saga_id, sequence=sequence)
    hospital.services["ward"].consumer.apply("admission.to.ward", letter)


def test_an_archived_admission_is_found_like_any_other_and_listed_in_its_place(hospital: Hospital) -> None:
    patient_id = hospital.patient()
    first = completed(hospital, patient_id)
    second = hospital.admit(patient_id)
    seen = [hospital.call("admission", "GET", f"/admissions/{each}") for each in (first, second)]
    housekeeping(hospital)
    left = hospital.services["admission"].database.execute("SELECT saga_id FROM saga").fetchall()
    assert left == [(UUID(second),)]
    assert [hospital.call("admission", "GET", f"/admissions/{each}") for each in (first, second)] == seen
    for whose in ("", f"patient_id={patient_id}&"):
        page = hospital.call("admission", "GET", f"/admissions?{whose}limit=1")
        rest = hospital.call("admission", "GET", f"/admissions?{whose}cursor={page['next_cursor']}")
        assert page["items"] + rest["items"] == seen


def test_a_late_reply_is_remembered_and_changes_nothing(hospital: Hospital) -> None:
    admission_id = completed(hospital, hospital.patient())
    housekeeping(hospital)
    hospital.confirm(admission_id, "refused", "too late")
    database = hospital.services["admission"].database
    ((status, last),) = database.execute("SELECT status, history -> -1 FROM saga_archive")
    assert (status, last["status"], last["sent"]) == ("completed", "completed", "")
    assert "refused" in last["happened"]
    assert database.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


def test_a_late_command_gets_the_answer_that_was_given_and_does_nothing_again(hospital: Hospital) -> None:
    patient_id = hospital.patient()
    admission_id = completed(hospital, patient_id)
    hospital.call("patient", "POST", f"/patients/{patient_id}/discharge")
    hospital.carry()
    housekeeping(hospital)
    ward = hospital.services["ward"]
    assert ward.database.execute("SELECT count(*) FROM saga_outcome").fetchone() == (0,)
    asked_again(hospital, ReserveBed, 2, saga_id=admission_id, step="bed", patient_id=patient_id, ward_id="W1")
    assert [letter[0]["type"] for _, letter in ward.post_bag()] == ["Reply"]
    assert hospital.in_bed() == []


def test_what_may_be_forgotten_is_not_done_again_but_shown_to_a_person(hospital: Hospital) -> None:
    patient_id = hospital.patient()
    hospital.carry()
    admission_id = str(least_id_of(time.time() - 400 * 86_400))
    about = {"saga_id": admission_id, "patient_id": patient_id, "ward_id": "W1"}
    asked_again(hospital, ReserveBed, 1, step="bed", **about)
    asked_again(hospital, ReleaseReservation, 2, step="bed.compensation", **about)
    ward = hospital.services["ward"]
    held = ward.database.execute("SELECT type, error FROM parked_message ORDER BY id").fetchall()
    assert [kind for kind, _ in held] == ["ReserveBed", "ReleaseReservation"]
    assert "more than 365 days ago" in held[0][1]
    assert (ward.post_bag(), hospital.in_bed()) == ([], [])
