"""The messages of lab: what it publishes, and what it reads of others'."""

from uuid import UUID

from infirmary.message_fields import Flag, Name, ShortText, Version
from infirmary.messages import Event, publishes, reads


@publishes(subject="lab_result_id")
class LabResultRecorded(Event):
    """The laboratory has found something. `value` is text: not every finding is a number."""

    lab_result_id: UUID
    patient_id: UUID
    test: Name
    value: Name
    unit: ShortText
    critical: Flag


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
