"""Whoever is turned back, and whoever reads the record itself, is on record with the patient whom it was about."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from infirmary.access.records import Access, AccessRecorded
from infirmary.identifiers import new_id
from infirmary.settings import Settings
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase
from tests.integration.http.patient_service import rows
from tests.integration.http.served import Served, served
from tests.integration.services.recording import tell
from tests.unit.services.recording.records import access

On = Callable[[str], tuple[Served, Settings]]


@pytest.fixture
def on(new_database: NewDatabase, tmp_path: Path) -> Iterator[On]:
    """Runs a service with the record on."""
    running: list[Any] = []

    def run(service: str) -> tuple[Served, Settings]:
        settings = new_database(service)
        spool = {"ACCESS_RECORDED_BY": "audit", "ACCESS_SPOOL": str(tmp_path / "spool")}
        running.append(served(service, settings, tmp_path, **spool))  # type: ignore[arg-type]
        return running[-1].__enter__(), settings

    yield run
    for each in running:
        each.__exit__(None, None, None)


def of(settings: Settings, service: str, answer: httpx.Response) -> Access:
    """Returns what is on record of an answer."""

    def found() -> list[Access]:
        bodies = rows(settings, f"SELECT body FROM outbox WHERE target = '{service}.to.audit'")
        told = [each for (body,) in bodies for each in AccessRecorded.model_validate_json(bytes(body)).accesses]
        return [each for each in told if each.correlation_id == answer.headers["X-Correlation-ID"]]

    return eventually(found, because="it is on record")[0]


def cancelled(settings: Settings, patient_id: UUID) -> UUID:
    """Returns a prescription of a patient that is cancelled."""
    prescription_id = new_id()
    with psycopg.connect(settings.as_owner().database_url, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO prescriptions VALUES (%s, %s, 'aspirin', 1, 'cancelled', NULL, now())",
            (prescription_id, patient_id),
        )
    return prescription_id


def test_a_refusal_is_on_record_as_of_the_patient_of_what_was_asked_for(on: On) -> None:
    api, settings = on("prescription")
    patient_id = new_id()
    prescription_id = cancelled(settings, patient_id)
    for verb in ("dispense", "cancel"):
        answer = httpx.post(f"{api.url}/prescriptions/{prescription_id}/{verb}", timeout=20)
        assert answer.status_code == 409
        assert str(patient_id) not in answer.text, "of that nothing is shown"
        found = of(settings, "prescription", answer)
        assert (found.status, found.person) == (409, patient_id)
    unknown = httpx.post(f"{api.url}/prescriptions/{new_id()}/dispense", timeout=20)
    assert (unknown.status_code, of(settings, "prescription", unknown).person) == (404, None)


def test_who_reads_the_record_is_on_record_with_the_patient_whose_it_is(on: On) -> None:
    api, settings = on("audit")
    one, other = access(new_id()), access(new_id())
    tell(settings, one, other, access())
    for path, person, several in (
        (f"/audit-events?patient_id={one.person}", one.person, False),
        ("/audit-events", None, True),
        (f"/audit-events/{other.access_id}", other.person, False),
        (f"/audit-events/{new_id()}", None, False),
    ):
        found = of(settings, "audit", httpx.get(api.url + path, timeout=20))
        assert (found.person, found.several) == (person, several), path
