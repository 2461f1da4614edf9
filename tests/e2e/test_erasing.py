"""A person whom the whole hospital knows is erased: no database has the name, and it is seen who has not answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from signal import SIGCONT, SIGSTOP
from typing import Any

import psycopg
import pymongo

from demo.client import Hospital
from demo.entities import Patient
from local.hospital import Hospital as Machinery
from local.topology import SERVICES, Engine
from tests.e2e.conftest import Audit

FIRST, SECOND, THIRD = "Zenobia Quillfeather", "Zenobia Ravenscroft", "Zenobia Thistlewood"
BORN = date(1907, 2, 28)


def everything(machinery: Machinery) -> Iterator[tuple[str, str]]:
    """Yields each row and document of all databases as a text, with the place where it is; bytes are read, too."""
    for service in SERVICES:
        url = machinery.env[f"{service.name.upper()}_DATABASE_URL"]
        yield from _documents(service.name, url) if service.engine is Engine.MONGODB else _rows(service.name, url)


def _rows(service: str, url: str) -> Iterator[tuple[str, str]]:
    with psycopg.connect(url, autocommit=True) as database:
        tables = database.execute("SELECT relid::regclass::text FROM pg_stat_user_tables").fetchall()
        for (table,) in tables:
            for row in database.execute(f"SELECT * FROM {table}"):
                yield f"{service}.{table}", " ".join(map(_text, row))


def _documents(service: str, url: str) -> Iterator[tuple[str, str]]:
    with pymongo.MongoClient[dict[str, Any]](url, uuidRepresentation="standard") as client:
        database = client.get_default_database()
        for name in database.list_collection_names():
            for document in database[name].find():
                yield f"{service}.{name}", _text(document)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(map(_text, value.values()))
    if isinstance(value, list):
        return " ".join(map(_text, value))
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def who_says(machinery: Machinery, *texts: str) -> set[str]:
    """Returns the places where one of the texts is to be found."""
    return {place for place, said in everything(machinery) if any(text in said for text in texts)}


@contextmanager
def refusing(machinery: Machinery, name: str) -> Iterator[None]:
    """Has lab's database refuse a name, so that the message that brings it is parked."""
    with psycopg.connect(machinery.env["LAB_DATABASE_URL"], autocommit=True) as database:
        database.execute(f"ALTER TABLE patient_snapshot ADD CONSTRAINT refusing CHECK (full_name <> '{name}')")
        try:
            yield
        finally:
            database.execute("ALTER TABLE patient_snapshot DROP CONSTRAINT refusing")


def known_to_everybody(hospital: Hospital) -> Patient:
    """Returns a patient of whom every service has something to tell, and who has gone home."""
    patient = hospital.register_patient(FIRST, BORN)
    medication, ward = hospital.medication(boxes=5), hospital.ward()
    dispensed = hospital.prescribe(patient, medication, 2)
    hospital.eventually(dispensed.is_accepted, because="there is stock")
    hospital.dispense_and_wait(dispensed)
    rejected = hospital.prescribe(patient, medication, 50)
    hospital.eventually(rejected.is_decided, because="there is too little stock")
    hospital.lab_result(patient, critical=True)
    admission = hospital.admit(patient, ward)
    hospital.eventually(admission.has_completed, because="a bed is free")
    hospital.discharge(patient)
    hospital.rename(patient, SECOND)
    hospital.eventually(lambda: dispensed.now.patient_name == SECOND, because="the name has come")
    return patient


def erasure(hospital: Hospital, place: str) -> dict[str, Any]:
    found: dict[str, Any] = hospital.ask.call("patient", "GET", place).json()
    return found


def test_no_database_has_the_name_of_a_person_who_was_erased(
    machinery: Machinery, hospital: Hospital, audit: Audit
) -> None:
    patient = known_to_everybody(hospital)
    with refusing(machinery, THIRD):
        hospital.rename(patient, THIRD)
        hospital.eventually(
            lambda: "lab.parked_message" in who_says(machinery, THIRD), because="lab cannot apply the new name"
        )
        before = who_says(machinery, FIRST, SECOND, THIRD, str(BORN))
        copies = {"prescription.patient_snapshot", "lab.patient_snapshot", "chart.patients", "patient.patients"}
        answers = {f"{service}.idempotency_key" for service in ("patient", "prescription", "lab")}
        assert before >= copies | answers
        place = hospital.erase(patient)
        hospital.eventually(lambda: erasure(hospital, place)["status"] == "completed", because="all have answered")
        assert who_says(machinery, FIRST, SECOND, THIRD, str(BORN)) == set()
        texts = {each.text for each in hospital.ask.notifications(patient.patient_id)}
        assert texts == {"erased"}
    audit.holds()


def test_it_is_seen_who_has_not_answered_and_the_others_have_forgotten(
    machinery: Machinery, hospital: Hospital, audit: Audit
) -> None:
    patient = hospital.register_patient(FIRST, BORN)
    hospital.lab_result(patient)
    hospital.eventually(patient.has_chart, because="the chart has heard of the patient")
    lab = machinery.process("lab", "consumer")
    lab.send(SIGSTOP)
    try:
        place = hospital.erase(patient)
        hospital.eventually(
            lambda: who_says(machinery, FIRST) == {"lab.patient_snapshot", "lab.idempotency_key"},
            because="all others have forgotten",
        )
        answered = {each["name"]: each["answered"] for each in erasure(hospital, place)["holders"]}
        assert not answered["lab"]
        assert erasure(hospital, place)["status"] == "running"
    finally:
        lab.send(SIGCONT)
    hospital.eventually(lambda: erasure(hospital, place)["status"] == "completed", because="lab answers")
    assert who_says(machinery, FIRST) == set()
    audit.holds()
