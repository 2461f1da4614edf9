"""What may happen to a patient. Pure: values in, values out."""

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from infirmary.handlers import Refused
from services.patient.messages import (
    PatientAdmissionUndone,
    PatientAdmitted,
    PatientDischarged,
    PatientNameChanged,
    PatientRegistered,
)


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient.

    Attributes:
        version: 1 at first, and one more with each change of the name.
        admission_id: The admission in force, or None.
    """

    patient_id: UUID
    full_name: str
    date_of_birth: date
    version: int
    admission_id: UUID | None


def register(patient_id: UUID, full_name: str, date_of_birth: date) -> tuple[Patient, PatientRegistered]:
    """Makes a patient known to the hospital."""
    patient = Patient(patient_id, full_name, date_of_birth, version=1, admission_id=None)
    return patient, PatientRegistered(
        patient_id=patient_id, full_name=full_name, date_of_birth=date_of_birth, version=1
    )


def rename(patient: Patient, full_name: str) -> tuple[Patient, PatientNameChanged | None]:
    """Changes the name; the same name again changes nothing."""
    if full_name == patient.full_name:
        return patient, None
    renamed = replace(patient, full_name=full_name, version=patient.version + 1)
    return renamed, PatientNameChanged(patient_id=patient.patient_id, full_name=full_name, version=renamed.version)


def admit(
    patient: Patient | None, patient_id: UUID, admission_id: UUID, ward_id: str
) -> tuple[Patient, PatientAdmitted] | Refused:
    """Admits a patient who is known and not admitted yet."""
    if patient is None:
        return Refused("the patient is not known")
    if patient.admission_id is not None:
        return Refused("the patient is already admitted")
    event = PatientAdmitted(patient_id=patient_id, admission_id=admission_id, ward_id=ward_id)
    return replace(patient, admission_id=admission_id), event


def undo_admission(patient: Patient | None, admission_id: UUID) -> tuple[Patient, PatientAdmissionUndone] | None:
    """Takes an admission back, if it is the one in force."""
    if patient is None or patient.admission_id != admission_id:
        return None
    return replace(patient, admission_id=None), PatientAdmissionUndone(
        patient_id=patient.patient_id, admission_id=admission_id
    )


def discharge(patient: Patient) -> tuple[Patient, PatientDischarged] | None:
    """Sends an admitted patient home."""
    if patient.admission_id is None:
        return None
    event = PatientDischarged(patient_id=patient.patient_id, admission_id=patient.admission_id)
    return replace(patient, admission_id=None), event
