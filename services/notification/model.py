"""What is told to whom. Pure: values in, values out."""

from dataclasses import dataclass
from datetime import datetime
from textwrap import shorten
from typing import Final
from uuid import UUID

from services.notification.messages import Kind, LabResultRecorded, NotificationSent, PrescriptionRejected

LONGEST_REASON: Final = 800
"""How much of a reason, in characters, a notification tells; with the words around it that is still a text."""


@dataclass(frozen=True, slots=True)
class Notification:
    """What was told about a patient.

    Attributes:
        reference_id: The admission, lab result or prescription that it is about.
        at: When it was told.
    """

    notification_id: UUID
    patient_id: UUID
    kind: Kind
    text: str
    reference_id: UUID
    at: datetime


def admission_confirmed(
    notification_id: UUID, patient_id: UUID, admission_id: UUID, ward_id: str, at: datetime
) -> Notification:
    """Tells that an admission is complete."""
    text = f"Your admission to ward {ward_id} is confirmed."
    return Notification(notification_id, patient_id, "admission_confirmed", text, admission_id, at)


def critical_lab_result(notification_id: UUID, result: LabResultRecorded, at: datetime) -> Notification | None:
    """Tells of a lab result, if it is critical."""
    if not result.critical:
        return None
    text = f"Critical lab result: {result.test} is {result.value} {result.unit}".rstrip() + "."
    return Notification(notification_id, result.patient_id, "critical_lab_result", text, result.lab_result_id, at)


def prescription_rejected(notification_id: UUID, rejected: PrescriptionRejected, at: datetime) -> Notification:
    """Tells that there is no stock for a prescription."""
    reason = shorten(rejected.reason, LONGEST_REASON, placeholder=" ...")
    text = f"Your prescription of {rejected.medication_code} was rejected: {reason}."
    return Notification(
        notification_id, rejected.patient_id, "prescription_rejected", text, rejected.prescription_id, at
    )


def sent(notification: Notification) -> NotificationSent:
    """Returns what everybody is told about a notification."""
    return NotificationSent(
        notification_id=notification.notification_id,
        patient_id=notification.patient_id,
        kind=notification.kind,
        text=notification.text,
        reference_id=notification.reference_id,
        at=notification.at,
    )
