"""The messages of patient: what it publishes, and what it reads of others'."""

from uuid import UUID

from infirmary.message_fields import Code, Day, Moment, Name, Version
from infirmary.messages import Command, Event, publishes, receives, sends


@publishes(subject="patient_id")
class PatientRegistered(Event):
    """A patient is known to the hospital from now on. `version` is 1. Events from before `at` was told have none."""

    patient_id: UUID
    full_name: Name
    date_of_birth: Day
    version: Version
    at: Moment | None = None


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
    """A patient has gone home; the bed of this admission is free. Events from before `at` was told have none."""

    patient_id: UUID
    admission_id: UUID
    at: Moment | None = None


@publishes(subject="patient_id")
class PatientErased(Event):
    """A person is to be forgotten: name and date of birth go wherever they are. It is the patient's last event.

    Whoever holds them forgets them when this is read, and keeps no name of the patient that is read later. The saga
    `saga_id`, as it is in `saga_version`, asks each holder whether that is done.
    """

    patient_id: UUID
    saga_id: UUID
    saga_version: Version


@publishes(subject="erasure_id", ends=True)
class PatientErasureCompleted(Event):
    """Everybody who held a person's name has said that it is forgotten."""

    erasure_id: UUID
    patient_id: UUID


@sends("prescription")
class EraseFromPrescriptions(Command):
    """Forgets the patient's name; prescriptions stay, under the patient's id."""

    patient_id: UUID


@sends("lab")
class EraseFromLabResults(Command):
    """Forgets the patient's name; results stay, under the patient's id."""

    patient_id: UUID


@sends("notification")
class EraseFromNotifications(Command):
    """Forgets what the patient was told; that something was told, and when, stays."""

    patient_id: UUID


@sends("chart")
class EraseFromCharts(Command):
    """Forgets the patient's name and date of birth, and what the patient was told; the chart is closed."""

    patient_id: UUID


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
