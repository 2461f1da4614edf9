"""The messages of lab: what it publishes, and what it reads of others'."""

from uuid import UUID

from infirmary.message_fields import Flag, Moment, Name, ShortText, Version
from infirmary.messages import Command, Event, publishes, reads, receives


@publishes(subject="lab_result_id", ends=True)
class LabResultRecorded(Event):
    """The laboratory has found something. `value` is text: not every finding is a number.

    `at` is when it was recorded; events from before that was told have none.
    """

    lab_result_id: UUID
    patient_id: UUID
    test: Name
    value: Name
    unit: ShortText
    critical: Flag
    at: Moment | None = None


@reads("patient")
class PatientRegistered(Event):
    """A patient is known to the hospital from now on."""

    patient_id: UUID
    full_name: Name
    version: Version


@reads("patient")
class PatientNameChanged(Event):
    """A patient is called otherwise from now on."""

    patient_id: UUID
    full_name: Name
    version: Version


@reads("patient")
class PatientErased(Event):
    """A person is to be forgotten."""

    patient_id: UUID


@receives("patient")
class EraseFromLabResults(Command):
    """Forgets the patient's name, and answers for it."""

    patient_id: UUID
