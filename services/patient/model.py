"""What may happen to a patient. Pure: values in, values out."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from infirmary.handlers import Refused
from services.patient.messages import (
    PatientAdmissionUndone,
    PatientAdmitted,
    PatientDischarged,
    PatientErased,
    PatientNameChanged,
    PatientRegistered,
)


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient.

    Attributes:
        version: 1 at first, and one more with each change of the name.
        admission_id: The admission in force, or None.
        last_contact_at: When the patient was registered, or sent home for the last time.
        ward_id: Where it has led; None for one from before this was noted, too.
        last_admission_id: The last one that is over, whether undone or by a discharge.
    """

    patient_id: UUID
    full_name: str
    date_of_birth: date
    version: int
    admission_id: UUID | None
    last_contact_at: datetime
    ward_id: str | None = None
    last_admission_id: UUID | None = None


def register(patient_id: UUID, full_name: str, date_of_birth: date, now: datetime) -> tuple[Patient, PatientRegistered]:
    """Makes a patient known to the hospital."""
    patient = Patient(patient_id, full_name, date_of_birth, version=1, admission_id=None, last_contact_at=now)
    return patient, PatientRegistered(
        patient_id=patient_id, full_name=full_name, date_of_birth=date_of_birth, version=1, at=now
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
    return replace(patient, admission_id=admission_id, ward_id=ward_id), event


def undo_admission(patient: Patient | None, admission_id: UUID) -> tuple[Patient, PatientAdmissionUndone] | None:
    """Takes an admission back, if it is the one in force."""
    if patient is None or patient.admission_id != admission_id:
        return None
    return without_admission(patient), PatientAdmissionUndone(patient_id=patient.patient_id, admission_id=admission_id)


def discharge(patient: Patient, now: datetime) -> tuple[Patient, PatientDischarged] | None:
    """Sends an admitted patient home."""
    if patient.admission_id is None:
        return None
    event = PatientDischarged(patient_id=patient.patient_id, admission_id=patient.admission_id, at=now)
    return replace(without_admission(patient), last_contact_at=now), event


def erase(
    patient: Patient, saga_id: UUID, saga_version: int, retention_days: int, now: datetime
) -> PatientErased | Refused:
    """Decides that a person is to be forgotten, unless the patient is here or the law keeps the record.

    Args:
        patient: Who.
        saga_id: The saga that asks everybody who holds the name.
        saga_version: The version by which it goes.
        retention_days: For how long the law keeps a record after the last contact.
        now: The present.
    """
    if patient.admission_id is not None:
        return Refused("the patient is admitted; discharge the patient first")
    kept_until = patient.last_contact_at + timedelta(days=retention_days)
    if now < kept_until:
        return Refused(
            f"the law keeps the record for {retention_days} days after the last contact, until"
            f" {kept_until:%Y-%m-%d %H:%M} UTC; ask again then"
        )
    return PatientErased(patient_id=patient.patient_id, saga_id=saga_id, saga_version=saga_version)


def without_admission(patient: Patient) -> Patient:
    """Returns a patient whose admission is over."""
    return replace(patient, admission_id=None, ward_id=None, last_admission_id=patient.admission_id)
