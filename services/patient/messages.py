"""The messages of patient: what it publishes, and what it reads of others'."""

from uuid import UUID

from infirmary.message_fields import Code, Day, Name, Version
from infirmary.messages import Command, Event, publishes, receives


@publishes(subject="patient_id")
class PatientRegistered(Event):
    """A patient is known to the hospital from now on. `version` is 1."""

    patient_id: UUID
    full_name: Name
    date_of_birth: Day
    version: Version


@publishes(subject="patient_id")
class PatientNameChanged(Event):
    """A patient is called otherwise from now on.

    `version` grows with every change; an older one must not overwrite a newer.
    """

    patient_id: UUID
    full_name: Name
    version: Version


@publishes(subject="patient_id")
class PatientAdmitted(Event):
    """A patient has been admitted to a ward."""

    patient_id: UUID
    admission_id: UUID
    ward_id: Code


@publishes(subject="patient_id")
class PatientAdmissionUndone(Event):
    """An admission did not come about after all."""

    patient_id: UUID
    admission_id: UUID


@publishes(subject="patient_id")
class PatientDischarged(Event):
    """A patient has gone home; the bed of this admission is free."""

    patient_id: UUID
    admission_id: UUID


@receives("admission")
class AdmitPatient(Command):
    """Marks a patient as admitted by this admission."""

    patient_id: UUID
    admission_id: UUID
    ward_id: Code


@receives("admission")
class UndoAdmission(Command):
    """Takes this admission, and no other, back."""

    patient_id: UUID
    admission_id: UUID
