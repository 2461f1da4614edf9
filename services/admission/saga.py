"""Admitting a patient: a bed, the patient's record, the bill; then the patient is told."""

from uuid import UUID

from pydantic import BaseModel

from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.transaction import Transaction
from infirmary.saga.definition import Saga, Step
from services.admission.messages import (
    AdmissionCompleted,
    AdmissionFailed,
    AdmissionRequested,
    AdmitPatient,
    CreateAdmissionBilling,
    ReleaseReservation,
    ReserveBed,
    SendAdmissionConfirmation,
    UndoAdmission,
    VoidAdmissionBilling,
)


class Admission(BaseModel):
    """What the saga knows from its start. The admission's id is the saga's id too."""

    admission_id: UUID
    patient_id: UUID
    ward_id: str


ADMISSION = Saga(
    "admission",
    Admission,
    Step("bed", ReserveBed, compensation=ReleaseReservation),
    Step("admission", AdmitPatient, compensation=UndoAdmission),
    Step("billing", CreateAdmissionBilling, compensation=VoidAdmissionBilling, pivot=True),
    Step("confirmation", SendAdmissionConfirmation, retriable=True),
)

orchestrator = Orchestrator("admission", ADMISSION)


def requested(admission: Admission) -> AdmissionRequested:
    """Returns what everybody is told when an admission begins."""
    return AdmissionRequested(**admission.model_dump(), saga_version=ADMISSION.version)


@ADMISSION.when_completed
def patient_is_admitted(admission: Admission, tx: Transaction) -> None:
    """Everybody has done their part."""
    tx.publish(
        AdmissionCompleted(
            admission_id=admission.admission_id, patient_id=admission.patient_id, ward_id=admission.ward_id
        )
    )


@ADMISSION.when_failed
def patient_is_not_admitted(admission: Admission, reason: str, tx: Transaction) -> None:
    """Somebody has refused or does not answer, and everything done before is undone."""
    tx.publish(
        AdmissionFailed(
            admission_id=admission.admission_id,
            patient_id=admission.patient_id,
            ward_id=admission.ward_id,
            reason=reason,
        )
    )
