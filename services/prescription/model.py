"""What may become of a prescription. Pure: values in, values out.

A prescription is pending, then accepted or rejected. An accepted one is dispensing, then dispensed; a dispensing that
failed makes it accepted again. A pending or accepted one may be cancelled.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.prescription.messages import (
    PrescriptionAccepted,
    PrescriptionCancelled,
    PrescriptionCreated,
    PrescriptionDispensed,
    PrescriptionDispensing,
    PrescriptionRejected,
)

Status = Literal["pending", "accepted", "rejected", "dispensing", "dispensed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Prescription:
    """A prescription. `reason` says why it was rejected, or why its last dispensing failed."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: str
    quantity: int
    status: Status
    reason: str | None
    created_at: datetime


def prescribe(
    prescription_id: UUID, patient_id: UUID, medication_code: str, quantity: int, now: datetime
) -> tuple[Prescription, PrescriptionCreated]:
    """Writes a prescription; whether there is stock for it, inventory decides."""
    prescription = Prescription(prescription_id, patient_id, medication_code, quantity, "pending", None, now)
    event = PrescriptionCreated(
        prescription_id=prescription_id,
        patient_id=patient_id,
        medication_code=medication_code,
        quantity=quantity,
        created_at=now,
    )
    return prescription, event


def accept(prescription: Prescription) -> tuple[Prescription, PrescriptionAccepted] | None:
    """Accepts a pending prescription.

    A reservation that comes after a cancellation changes nothing here: inventory releases it.
    """
    if prescription.status != "pending":
        return None
    return _accepted(prescription, reason=None, saga_id=None)


def reject(prescription: Prescription, reason: str) -> tuple[Prescription, PrescriptionRejected] | None:
    """Rejects a pending prescription. A rejection that comes after a cancellation changes and notifies nothing."""
    if prescription.status != "pending":
        return None
    event = PrescriptionRejected(
        prescription_id=prescription.prescription_id,
        patient_id=prescription.patient_id,
        medication_code=prescription.medication_code,
        reason=reason,
    )
    return replace(prescription, status="rejected", reason=reason), event


def cancel(prescription: Prescription) -> tuple[Prescription, PrescriptionCancelled] | None:
    """Cancels a prescription that is not on its way out yet; None in every other state."""
    if prescription.status not in ("pending", "accepted"):
        return None
    event = PrescriptionCancelled(prescription_id=prescription.prescription_id, patient_id=prescription.patient_id)
    return replace(prescription, status="cancelled"), event


def dispense(
    prescription: Prescription, saga_id: UUID, saga_version: int
) -> tuple[Prescription, PrescriptionDispensing] | None:
    """Begins to hand out an accepted prescription, by the saga of that id; None in every other state."""
    if prescription.status != "accepted":
        return None
    event = PrescriptionDispensing(
        prescription_id=prescription.prescription_id,
        patient_id=prescription.patient_id,
        medication_code=prescription.medication_code,
        quantity=prescription.quantity,
        saga_id=saga_id,
        saga_version=saga_version,
    )
    return replace(prescription, status="dispensing", reason=None), event


def dispensed(prescription: Prescription, saga_id: UUID | None) -> tuple[Prescription, PrescriptionDispensed]:
    """Ends a dispensing that went well."""
    event = PrescriptionDispensed(
        prescription_id=prescription.prescription_id, patient_id=prescription.patient_id, saga_id=saga_id
    )
    return replace(prescription, status="dispensed"), event


def not_dispensed(
    prescription: Prescription, reason: str, saga_id: UUID | None
) -> tuple[Prescription, PrescriptionAccepted]:
    """Ends a dispensing that failed and was undone: the prescription may be dispensed another time."""
    return _accepted(prescription, reason, saga_id)


def _accepted(
    prescription: Prescription, reason: str | None, saga_id: UUID | None
) -> tuple[Prescription, PrescriptionAccepted]:
    event = PrescriptionAccepted(
        prescription_id=prescription.prescription_id,
        patient_id=prescription.patient_id,
        reason=reason,
        saga_id=saga_id,
    )
    return replace(prescription, status="accepted", reason=reason), event
