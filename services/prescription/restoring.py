"""How prescription makes its prescriptions again from what it has told of them, and which dispensings it has begun."""

from dataclasses import replace
from uuid import UUID

from infirmary.postgres.transaction import Transaction
from infirmary.restoring.declaration import Restoring, said_at
from services.prescription import store
from services.prescription.messages import (
    PrescriptionAccepted,
    PrescriptionCancelled,
    PrescriptionCreated,
    PrescriptionDispensed,
    PrescriptionDispensing,
    PrescriptionRejected,
)
from services.prescription.model import Prescription
from services.prescription.saga import DISPENSING

restoring = Restoring("prescription")

# The first acceptance names no saga, so it ends none.
restoring.saga(DISPENSING, begins=PrescriptionDispensing, completes=PrescriptionDispensed, fails=PrescriptionAccepted)


@restoring.of(PrescriptionCreated)
def write(event: PrescriptionCreated, tx: Transaction) -> None:
    """Writes the prescription again."""
    prescription = Prescription(
        event.prescription_id,
        event.patient_id,
        event.medication_code,
        event.quantity,
        status="pending",
        reason=None,
        created_at=event.created_at or said_at(tx),
    )
    store.insert(tx, prescription)


@restoring.of(PrescriptionAccepted)
def accept(event: PrescriptionAccepted, tx: Transaction) -> None:
    """Accepts it, or accepts it once more after a dispensing that has failed."""
    store.save(tx, replace(_written(tx, event.prescription_id), status="accepted", reason=event.reason))


@restoring.of(PrescriptionRejected)
def reject(event: PrescriptionRejected, tx: Transaction) -> None:
    """Rejects it."""
    store.save(tx, replace(_written(tx, event.prescription_id), status="rejected", reason=event.reason))


@restoring.of(PrescriptionDispensing)
def begin_to_dispense(event: PrescriptionDispensing, tx: Transaction) -> None:
    """Forgets why an earlier try has failed, as the new one did."""
    store.save(tx, replace(_written(tx, event.prescription_id), status="dispensing", reason=None))


@restoring.of(PrescriptionDispensed)
def dispense(event: PrescriptionDispensed, tx: Transaction) -> None:
    """Hands it out; the dispensing has left no reason."""
    store.save(tx, replace(_written(tx, event.prescription_id), status="dispensed", reason=None))


@restoring.of(PrescriptionCancelled)
def cancel(event: PrescriptionCancelled, tx: Transaction) -> None:
    """Cancels it; why its last dispensing has failed, if it did, stays."""
    store.save(tx, replace(_written(tx, event.prescription_id), status="cancelled"))


def _written(tx: Transaction, prescription_id: UUID) -> Prescription:
    prescription = store.lock(tx, prescription_id)
    if prescription is None:
        raise LookupError(f"prescription {prescription_id} is in neither the backup nor the log")
    return prescription
