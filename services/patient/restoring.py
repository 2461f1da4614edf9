"""How patient makes its patients again from what it has told of them. All that is told of one is in its order."""

from dataclasses import replace
from uuid import UUID

from infirmary.postgres.transaction import Transaction
from infirmary.restoring.declaration import Restoring, said_at
from services.patient import store
from services.patient.messages import (
    PatientAdmissionUndone,
    PatientAdmitted,
    PatientDischarged,
    PatientErased,
    PatientErasureCompleted,
    PatientNameChanged,
    PatientRegistered,
)
from services.patient.model import Patient, without_admission
from services.patient.saga import ERASURE

restoring = Restoring("patient")

restoring.saga(ERASURE, begins=PatientErased, completes=PatientErasureCompleted)


@restoring.of(PatientRegistered)
def register(event: PatientRegistered, tx: Transaction) -> None:
    """Makes the patient known again."""
    patient = Patient(
        event.patient_id,
        event.full_name,
        event.date_of_birth,
        event.version,
        admission_id=None,
        last_contact_at=event.at or said_at(tx),
    )
    store.insert(tx, patient)


@restoring.of(PatientNameChanged)
def rename(event: PatientNameChanged, tx: Transaction) -> None:
    """Gives the patient the later name."""
    store.save(tx, replace(_known(tx, event.patient_id), full_name=event.full_name, version=event.version))


@restoring.of(PatientAdmitted)
def admit(event: PatientAdmitted, tx: Transaction) -> None:
    """Makes the admission the one in force."""
    store.save(tx, replace(_known(tx, event.patient_id), admission_id=event.admission_id, ward_id=event.ward_id))


@restoring.of(PatientAdmissionUndone)
def undo_admission(event: PatientAdmissionUndone, tx: Transaction) -> None:
    """Leaves the patient without the admission that did not come about."""
    store.save(tx, without_admission(_known(tx, event.patient_id)))


@restoring.of(PatientDischarged)
def discharge(event: PatientDischarged, tx: Transaction) -> None:
    """Sends the patient home."""
    gone = replace(without_admission(_known(tx, event.patient_id)), last_contact_at=event.at or said_at(tx))
    store.save(tx, gone)


@restoring.of(PatientErased)
def erase(event: PatientErased, tx: Transaction) -> None:
    """Forgets the patient once more, whom the backup or the log has brought back."""
    store.erase(tx, event.patient_id, event.saga_id)


def _known(tx: Transaction, patient_id: UUID) -> Patient:
    patient = store.lock(tx, patient_id)
    if patient is None:
        raise LookupError(f"patient {patient_id} is in neither the backup nor the log")
    return patient
