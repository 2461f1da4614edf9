"""The HTTP interface of admission."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from infirmary.http.api import Api, Created
from infirmary.http.fields import SOME_ID, Id, Input, shown
from infirmary.http.pages import Page, PageQuery, page
from infirmary.http.problems import not_found
from infirmary.identifiers import ClientCode, new_id
from infirmary.postgres.sagas.view import SagaView, view
from infirmary.postgres.transaction import Query, Transaction
from infirmary.saga.state import Status, StepProgress
from services.admission import store
from services.admission.saga import ADMISSION, Admission, orchestrator, requested

api = Api("admission", about="patient_id")


class OfPatient(PageQuery):
    """A page of what belongs to one patient, or to all."""

    patient_id: Annotated[Id | None, Field(description="only those of this patient")] = None


class AdmissionPath(BaseModel):
    """The path of an admission."""

    admission_id: Annotated[Id, Field(description="which admission"), shown(SOME_ID)]


class NewAdmission(Input):
    """Who is to be admitted, and to which ward."""

    patient_id: Annotated[Id, shown(SOME_ID)]
    ward_id: Annotated[ClientCode, shown("maternity")]


class AdmissionStarted(BaseModel):
    """An admission that the other services are being asked for."""

    admission_id: UUID
    status: Status


class StepView(BaseModel):
    """How far one step of an admission is."""

    name: str
    state: StepProgress
    at: Annotated[datetime | None, Field(description="since when; null while the step waits for its turn")]


class AdmissionView(BaseModel):
    """An admission as the outside sees one."""

    admission_id: UUID
    patient_id: UUID
    ward_id: str
    status: Status
    reason: Annotated[str | None, Field(description="why it failed, is being undone or is parked")]
    steps: list[StepView]


@api.endpoint("POST", "/admissions", AdmissionStarted, status=202, scope="admissions:write")
def admit(body: NewAdmission, tx: Transaction) -> Created:
    """Begin to admit a patient.

    The services concerned decide; GET tells how far they are.
    """
    admission = Admission(admission_id=new_id(), patient_id=body.patient_id, ward_id=body.ward_id)
    state = orchestrator.start(tx, ADMISSION, admission.admission_id, admission)
    tx.publish(requested(admission))
    started = AdmissionStarted(admission_id=admission.admission_id, status=state.status)
    return Created(started, f"/admissions/{admission.admission_id}")


@api.endpoint("GET", "/admissions/<admission_id>", AdmissionView, errors=(404,), scope="admissions:read")
def get_admission(path: AdmissionPath, db: Query) -> AdmissionView:
    """Get an admission and how far each step is."""
    saga = view(db, path.admission_id)
    if saga is None:
        raise not_found(f"admission {path.admission_id}")
    return _view(saga)


@api.endpoint(
    "GET",
    "/admissions",
    Page[AdmissionView],
    scope="admissions:read",
    scope_without={"patient_id": "admissions:read-all"},
)
def list_admissions(query: OfPatient, db: Query) -> Page[AdmissionView]:
    """List admissions, of one patient or of all, the oldest first."""
    sagas = store.of_patient(db, query.patient_id, query.after(), query.limit + 1)
    return page([_view(saga) for saga in sagas], query.limit, lambda admission: admission.admission_id)


def _view(saga: SagaView) -> AdmissionView:
    admission = Admission.model_validate(saga.data)
    return AdmissionView(
        admission_id=saga.saga_id,
        patient_id=admission.patient_id,
        ward_id=admission.ward_id,
        status=saga.state.status,
        reason=saga.state.reason,
        steps=[StepView(name=step.name, state=step.state, at=step.at) for step in saga.state.steps],
    )
