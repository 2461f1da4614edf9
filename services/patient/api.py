"""The HTTP interface of patient."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel

from infirmary.http.api import Api, Created
from infirmary.http.fields import Date, Id, Input, Name
from infirmary.http.problems import conflict, not_found
from infirmary.identifiers import new_id
from infirmary.postgres.transaction import Query, Transaction
from services.patient import model, store
from services.patient.model import Patient

api = Api("patient")


class PatientPath(BaseModel):
    """The path of something that belongs to a patient."""

    patient_id: Id


_EARLIEST_BIRTH = date(1800, 1, 1)


def _plausible(day: date) -> date:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)  # it is that day already somewhere
    if not _EARLIEST_BIRTH <= day <= tomorrow:
        raise ValueError(f"should be from {_EARLIEST_BIRTH} on, and not in the future")
    return day


class NewPatient(Input):
    """Who is to be registered."""

    full_name: Name
    date_of_birth: Annotated[Date, AfterValidator(_plausible)]


class NewName(Input):
    """What a patient is called from now on."""

    full_name: Name


class PatientView(BaseModel):
    """A patient as the outside sees one."""

    patient_id: UUID
    full_name: str
    date_of_birth: date
    version: int
    admitted: bool


@api.endpoint("POST", "/patients", PatientView, status=201)
def register_patient(body: NewPatient, tx: Transaction) -> Created:
    """Register a patient."""
    patient, event = model.register(new_id(), body.full_name, body.date_of_birth)
    store.insert(tx, patient)
    tx.publish(event)
    return Created(_view(patient), f"/patients/{patient.patient_id}")


@api.endpoint("GET", "/patients/<patient_id>", PatientView, errors=(404,))
def get_patient(path: PatientPath, db: Query) -> PatientView:
    """Get a patient."""
    return _view(_known(store.find(db, path.patient_id), path))


@api.endpoint("PUT", "/patients/<patient_id>/name", PatientView, errors=(404,))
def rename_patient(path: PatientPath, body: NewName, tx: Transaction) -> PatientView:
    """Change a patient's name, everywhere in the hospital."""
    patient, event = model.rename(_known(store.lock(tx, path.patient_id), path), body.full_name)
    if event is not None:
        store.save(tx, patient)
        tx.publish(event)
    return _view(patient)


@api.endpoint("POST", "/patients/<patient_id>/discharge", PatientView, errors=(404, 409))
def discharge_patient(path: PatientPath, tx: Transaction) -> PatientView:
    """Send an admitted patient home; the bed becomes free."""
    discharged = model.discharge(_known(store.lock(tx, path.patient_id), path))
    if discharged is None:
        raise conflict("the patient is not admitted")
    patient, event = discharged
    store.save(tx, patient)
    tx.publish(event)
    return _view(patient)


def _known(patient: Patient | None, path: PatientPath) -> Patient:
    if patient is None:
        raise not_found(f"patient {path.patient_id}")
    return patient


def _view(patient: Patient) -> PatientView:
    return PatientView(
        patient_id=patient.patient_id,
        full_name=patient.full_name,
        date_of_birth=patient.date_of_birth,
        version=patient.version,
        admitted=patient.admission_id is not None,
    )
