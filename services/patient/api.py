"""The HTTP interface of patient."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from infirmary.handlers import Refused
from infirmary.http.api import Api, Created
from infirmary.http.fields import SOME_ID, Date, Id, Input, Name, shown
from infirmary.http.problems import Problem, conflict, gone, not_found
from infirmary.identifiers import new_id
from infirmary.postgres.sagas.view import SagaView, view
from infirmary.postgres.transaction import Query, Transaction
from infirmary.saga.state import Status
from infirmary.settings import read
from services.patient import model, store
from services.patient.model import Patient
from services.patient.saga import ERASURE, Erasure, orchestrator
from services.patient.settings import PatientSettings

LEGAL_RETENTION_DAYS = read(PatientSettings).legal_retention_days

api = Api("patient", about="patient_id")


class PatientPath(BaseModel):
    """The path of something that belongs to a patient."""

    patient_id: Annotated[Id, Field(description="whose"), shown(SOME_ID)]


_EARLIEST_BIRTH = date(1800, 1, 1)


def _plausible(day: date) -> date:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)  # it is that day already somewhere
    if not _EARLIEST_BIRTH <= day <= tomorrow:
        raise ValueError(f"should be from {_EARLIEST_BIRTH} on, and not in the future")
    return day


class NewPatient(Input):
    """Who is to be registered."""

    full_name: Annotated[Name, shown("Ada King")]
    date_of_birth: Annotated[Date, AfterValidator(_plausible), shown("1815-12-10")]


class NewName(Input):
    """What a patient is called from now on."""

    full_name: Annotated[Name, shown("Ada Lovelace")]


class PatientView(BaseModel):
    """A patient as the outside sees one."""

    patient_id: UUID
    full_name: str
    date_of_birth: date
    version: int
    admitted: bool


class ErasurePath(BaseModel):
    """The path of an erasure."""

    erasure_id: Annotated[Id, Field(description="which erasure"), shown(SOME_ID)]


class HolderView(BaseModel):
    """Whether one of those that held the name has forgotten it."""

    name: str = Field(description="the service")
    answered: bool
    at: Annotated[datetime | None, Field(description="when it answered or was asked; null before that")]


class ErasureView(BaseModel):
    """How far the erasure of a person is. The record itself is gone from the start."""

    erasure_id: UUID
    patient_id: UUID
    status: Status = Field(description="running, completed, or parked: somebody has not answered for a day")
    reason: str | None = Field(description="why it is parked")
    holders: list[HolderView]


@api.endpoint("POST", "/patients", PatientView, status=201, scope="patients:write")
def register_patient(body: NewPatient, tx: Transaction) -> Created:
    """Register a patient."""
    patient, event = model.register(new_id(), body.full_name, body.date_of_birth, datetime.now(UTC))
    store.insert(tx, patient)
    tx.publish(event)
    return Created(_view(patient), f"/patients/{patient.patient_id}")


@api.endpoint("GET", "/patients/<patient_id>", PatientView, errors=(404, 410), scope="patients:read")
def get_patient(path: PatientPath, db: Query) -> PatientView:
    """Get a patient."""
    return _view(_known(store.find(db, path.patient_id), path, db))


@api.endpoint("PUT", "/patients/<patient_id>/name", PatientView, errors=(404, 410), scope="patients:write")
def rename_patient(path: PatientPath, body: NewName, tx: Transaction) -> PatientView:
    """Change a patient's name, everywhere in the hospital."""
    patient, event = model.rename(_known(store.lock(tx, path.patient_id), path, tx), body.full_name)
    if event is not None:
        store.save(tx, patient)
        tx.publish(event)
    return _view(patient)


@api.endpoint(
    "POST", "/patients/<patient_id>/discharge", PatientView, errors=(404, 409, 410), scope="patients:discharge"
)
def discharge_patient(path: PatientPath, tx: Transaction) -> PatientView:
    """Send an admitted patient home; the bed becomes free."""
    discharged = model.discharge(_known(store.lock(tx, path.patient_id), path, tx), datetime.now(UTC))
    if discharged is None:
        raise conflict("the patient is not admitted")
    patient, event = discharged
    store.save(tx, patient)
    tx.publish(event)
    return _view(patient)


@api.endpoint(
    "DELETE", "/patients/<patient_id>", ErasureView, status=202, errors=(404, 409, 410), scope="patients:erase"
)
def erase_patient(path: PatientPath, tx: Transaction) -> Created:
    """Forget a person: name and date of birth go, here at once and soon wherever else they are.

    GET tells who has not answered yet. To ask again does no harm. 409 while the patient is admitted, or while the law
    keeps the record.
    """
    patient = store.lock(tx, path.patient_id)
    if patient is None:
        return _erasure_of(path, tx)
    erased = model.erase(patient, new_id(), ERASURE.version, LEGAL_RETENTION_DAYS, datetime.now(UTC))
    if isinstance(erased, Refused):
        raise conflict(erased.reason)
    store.erase(tx, erased.patient_id, erased.saga_id)
    tx.publish(erased)
    orchestrator.start(tx, ERASURE, erased.saga_id, Erasure.of(erased))
    return _erasure_of(path, tx)


@api.endpoint("GET", "/erasures/<erasure_id>", ErasureView, errors=(404,), scope="patients:erase")
def get_erasure(path: ErasurePath, db: Query) -> ErasureView:
    """Get an erasure, and who has answered."""
    saga = view(db, path.erasure_id)
    if saga is None:
        raise not_found(f"erasure {path.erasure_id}")
    return _erasure(saga)


def _erasure_of(path: PatientPath, tx: Transaction) -> Created:
    erasure_id = store.erasure_of(tx, path.patient_id)
    saga = None if erasure_id is None else view(tx, erasure_id)
    if saga is None:  # such a saga has gone with the archive's last week
        raise _missing(path, tx)
    return Created(_erasure(saga), f"/erasures/{saga.saga_id}")


def _erasure(saga: SagaView) -> ErasureView:
    return ErasureView(
        erasure_id=saga.saga_id,
        patient_id=Erasure.model_validate(saga.data).patient_id,
        status=saga.state.status,
        reason=saga.state.reason,
        holders=[HolderView(name=step.name, answered=step.state == "done", at=step.at) for step in saga.state.steps],
    )


def _known(patient: Patient | None, path: PatientPath, db: Query) -> Patient:
    if patient is None:
        raise _missing(path, db)
    return patient


def _missing(path: PatientPath, db: Query) -> Problem:
    who = f"patient {path.patient_id}"
    return not_found(who) if store.erasure_of(db, path.patient_id) is None else gone(who)


def _view(patient: Patient) -> PatientView:
    return PatientView(
        patient_id=patient.patient_id,
        full_name=patient.full_name,
        date_of_birth=patient.date_of_birth,
        version=patient.version,
        admitted=patient.admission_id is not None,
    )
