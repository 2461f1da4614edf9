"""How patient tells its patients again."""

from collections.abc import Iterator

import sqlalchemy as sa

from infirmary.messages import Event
from infirmary.postgres.republishing import Rows
from infirmary.postgres.statements import fields_of
from infirmary.republishing.declaration import Republishing
from services.patient.messages import PatientAdmitted, PatientDischarged, PatientRegistered
from services.patient.model import Patient
from services.patient.tables import patients

republishing = Republishing("patient")


@republishing.of("patients", Rows(Patient, sa.select(*fields_of(Patient, patients)), patients.c.patient_id))
def tell_patient(patient: Patient) -> Iterator[Event]:
    """Tells of a patient under the present name, and of the admission in force or of the end of the last one.

    One that was undone is told as one that is over: that asks no more of anybody.
    """
    yield PatientRegistered(
        patient_id=patient.patient_id,
        full_name=patient.full_name,
        date_of_birth=patient.date_of_birth,
        version=patient.version,
    )
    if patient.admission_id is not None and patient.ward_id is not None:
        yield PatientAdmitted(patient_id=patient.patient_id, admission_id=patient.admission_id, ward_id=patient.ward_id)
    elif patient.admission_id is None and patient.last_admission_id is not None:
        yield PatientDischarged(patient_id=patient.patient_id, admission_id=patient.last_admission_id)
