"""The messages of notification: what it publishes, and what it reads of others'."""

from typing import Literal
from uuid import UUID

from infirmary.message_fields import Code, Flag, Moment, Name, ShortText, Text
from infirmary.messages import Command, Event, publishes, reads, receives

Kind = Literal["admission_confirmed", "critical_lab_result", "prescription_rejected"]


@publishes(subject="notification_id", ends=True)
class NotificationSent(Event):
    """Somebody was told something. `reference_id` is the admission, lab result or prescription that it is about.

    `at` says when; events from before it was told have none.
    """

    notification_id: UUID
    patient_id: UUID
    kind: Kind
    text: Text
    reference_id: UUID
    at: Moment | None = None


@reads("lab")
class LabResultRecorded(Event):
    """A lab result; critical ones are told at once."""

    lab_result_id: UUID
    patient_id: UUID
    test: Name
    value: Name
    unit: ShortText
    critical: Flag


@reads("prescription")
class PrescriptionRejected(Event):
    """There is no stock for a prescription."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    reason: Text


@receives("patient")
class EraseFromNotifications(Command):
    """Forgets what the patient was told, and answers for it."""

    patient_id: UUID


@receives("admission")
class SendAdmissionConfirmation(Command):
    """Tells a patient that the admission is complete."""

    admission_id: UUID
    patient_id: UUID
    ward_id: Code
