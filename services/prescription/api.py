"""The HTTP interface of prescription."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from infirmary.http.api import Api, Created
from infirmary.http.fields import SOME_ID, Id, Input, Quantity, shown
from infirmary.http.pages import Page, PageQuery, page
from infirmary.http.problems import conflict, not_found, unprocessable
from infirmary.identifiers import ClientCode, new_id
from infirmary.postgres.transaction import Query, Transaction
from services.prescription import model, store
from services.prescription.model import Prescription, Status
from services.prescription.saga import DISPENSING, Dispensing, orchestrator

api = Api("prescription", about="patient_id")


class OfPatient(PageQuery):
    """A page of what belongs to one patient, or to all."""

    patient_id: Annotated[Id | None, Field(description="only those of this patient")] = None


class NewPrescription(Input):
    """What is to be prescribed, and to whom."""

    patient_id: Annotated[Id, shown(SOME_ID)]
    medication_code: Annotated[ClientCode, shown("penicillin")]
    quantity: Annotated[Quantity, shown(2)]


class PrescriptionPath(BaseModel):
    """The path of a prescription."""

    prescription_id: Annotated[Id, Field(description="which prescription"), shown(SOME_ID)]


class PrescriptionView(BaseModel):
    """A prescription as the outside sees one; `patient_name` is from the snapshot, and `erased` once the person is."""

    prescription_id: UUID
    patient_id: UUID
    patient_name: str
    medication_code: str
    quantity: int
    status: Status
    reason: str | None
    created_at: datetime


@api.endpoint("POST", "/prescriptions", PrescriptionView, status=201, scope="prescriptions:write")
def create_prescription(body: NewPrescription, tx: Transaction) -> Created:
    """Write a prescription.

    It is `pending` at first; inventory decides whether it becomes `accepted` or `rejected`.
    """
    known = store.known_patient(tx, body.patient_id)
    if known is None or known.is_erased:
        raise unprocessable("body.patient_id", "the patient is not known here, or not yet")
    prescription, event = model.prescribe(new_id(), body.patient_id, body.medication_code, body.quantity, known.now)
    store.insert(tx, prescription)
    tx.publish(event)
    return Created(_view_of(prescription, known.patient_name), f"/prescriptions/{prescription.prescription_id}")


@api.endpoint("GET", "/prescriptions/<prescription_id>", PrescriptionView, errors=(404,), scope="prescriptions:read")
def get_prescription(path: PrescriptionPath, db: Query) -> PrescriptionView:
    """Get a prescription."""
    row = store.find(db, path.prescription_id)
    if row is None:
        raise not_found(f"prescription {path.prescription_id}")
    return _view(row)


@api.endpoint(
    "GET",
    "/prescriptions",
    Page[PrescriptionView],
    scope="prescriptions:read",
    scope_without={"patient_id": "prescriptions:read-all"},
)
def list_prescriptions(query: OfPatient, db: Query) -> Page[PrescriptionView]:
    """List prescriptions, of one patient or of all."""
    rows = store.after(db, query.after(), query.patient_id, query.limit + 1)
    return page([_view(row) for row in rows], query.limit, lambda view: view.prescription_id)


@api.endpoint(
    "POST",
    "/prescriptions/<prescription_id>/dispense",
    PrescriptionView,
    status=202,
    errors=(404, 409),
    scope="prescriptions:dispense",
)
def dispense_prescription(path: PrescriptionPath, tx: Transaction) -> PrescriptionView:
    """Hand out an accepted prescription.

    The boxes are taken off the shelf and charged; if either cannot be, both are undone and the prescription is
    accepted again.
    """
    prescription = _known(store.lock(tx, path.prescription_id), path)
    begun = model.dispense(prescription, new_id(), saga_version=DISPENSING.version)
    if begun is None:
        raise conflict(
            f"the prescription is {prescription.status}; only an accepted one can be dispensed", prescription
        )
    dispensing, event = begun
    store.save(tx, dispensing)
    tx.publish(event)
    orchestrator.start(tx, DISPENSING, event.saga_id, Dispensing.of(event))
    return _changed(dispensing, tx)


@api.endpoint(
    "POST", "/prescriptions/<prescription_id>/cancel", PrescriptionView, errors=(404, 409), scope="prescriptions:write"
)
def cancel_prescription(path: PrescriptionPath, tx: Transaction) -> PrescriptionView:
    """Cancel a prescription that is pending or accepted."""
    prescription = _known(store.lock(tx, path.prescription_id), path)
    cancelled = model.cancel(prescription)
    if cancelled is None:
        raise conflict(
            f"the prescription is {prescription.status}; only a pending or accepted one can be cancelled", prescription
        )
    store.save(tx, cancelled[0])
    tx.publish(cancelled[1])
    return _changed(cancelled[0], tx)


def _known(prescription: Prescription | None, path: PrescriptionPath) -> Prescription:
    if prescription is None:
        raise not_found(f"prescription {path.prescription_id}")
    return prescription


def _changed(prescription: Prescription, tx: Transaction) -> PrescriptionView:
    known = store.known_patient(tx, prescription.patient_id)
    return _view_of(prescription, known.patient_name if known is not None else "")


def _view_of(prescription: Prescription, patient_name: str) -> PrescriptionView:
    return PrescriptionView(
        prescription_id=prescription.prescription_id,
        patient_id=prescription.patient_id,
        patient_name=patient_name,
        medication_code=prescription.medication_code,
        quantity=prescription.quantity,
        status=prescription.status,
        reason=prescription.reason,
        created_at=prescription.created_at,
    )


def _view(row: store.Row) -> PrescriptionView:
    return PrescriptionView.model_validate(row, from_attributes=True)
