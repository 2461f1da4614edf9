"""The messages of admission: what it publishes, and what its saga asks of others."""

from uuid import UUID

from infirmary.message_fields import Code, Text, Version
from infirmary.messages import Command, Event, publishes, sends


@publishes(subject="admission_id")
class AdmissionRequested(Event):
    """A patient is to be admitted: the services concerned are being asked, by the saga as it is in `saga_version`."""

    admission_id: UUID
    patient_id: UUID
    ward_id: Code
    saga_version: Version


@publishes(subject="admission_id", ends=True)
class AdmissionCompleted(Event):
    """The patient has a bed, is admitted and billed, and was told so."""

    admission_id: UUID
    patient_id: UUID
    ward_id: Code


@publishes(subject="admission_id", ends=True)
class AdmissionFailed(Event):
    """The patient was not admitted; whatever had been done for it is undone. `reason` is for people."""

    admission_id: UUID
    patient_id: UUID
    ward_id: Code
    reason: Text


@sends("ward")
class ReserveBed(Command):
    """Asks for a bed of the ward."""

    admission_id: UUID
    patient_id: UUID
    ward_id: Code


@sends("ward")
class ReleaseReservation(Command):
    """Gives the bed back."""

    admission_id: UUID
    patient_id: UUID
    ward_id: Code


@sends("patient")
class AdmitPatient(Command):
    """Marks the patient as admitted by this admission."""

    admission_id: UUID
    patient_id: UUID
    ward_id: Code


@sends("patient")
class UndoAdmission(Command):
    """Takes this admission, and no other, back."""

    admission_id: UUID
    patient_id: UUID


@sends("billing")
class CreateAdmissionBilling(Command):
    """Charges the admission to the patient's account."""

    admission_id: UUID
    patient_id: UUID


@sends("billing")
class VoidAdmissionBilling(Command):
    """Takes the charge back, if there is one."""

    admission_id: UUID
    patient_id: UUID


@sends("notification")
class SendAdmissionConfirmation(Command):
    """Tells the patient about the admission, once."""

    admission_id: UUID
    patient_id: UUID
    ward_id: Code
