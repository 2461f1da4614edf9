"""The SQL of patient: everything that touches its own tables."""

from uuid import UUID

from infirmary.postgres.transaction import Query, Transaction
from services.patient.model import Patient


def find(db: Query, patient_id: UUID) -> Patient | None:
    """Returns a patient as of now."""
    return db.one(
        Patient,
        """SELECT patient_id, full_name, date_of_birth, version, admission_id FROM patients
           WHERE patient_id = %(patient_id)s""",
        patient_id=patient_id,
    )


def lock(tx: Transaction, patient_id: UUID) -> Patient | None:
    """Returns a patient whom nobody else can change until the transaction ends."""
    return tx.one(
        Patient,
        """SELECT patient_id, full_name, date_of_birth, version, admission_id FROM patients
           WHERE patient_id = %(patient_id)s FOR UPDATE""",
        patient_id=patient_id,
    )


def insert(tx: Transaction, patient: Patient) -> None:
    """Saves a new patient."""
    tx.execute(
        """INSERT INTO patients (patient_id, full_name, date_of_birth, version, admission_id)
           VALUES (%(patient_id)s, %(full_name)s, %(date_of_birth)s, %(version)s, %(admission_id)s)""",
        patient_id=patient.patient_id,
        full_name=patient.full_name,
        date_of_birth=patient.date_of_birth,
        version=patient.version,
        admission_id=patient.admission_id,
    )


def save(tx: Transaction, patient: Patient) -> None:
    """Saves what may change about a patient."""
    tx.execute(
        """UPDATE patients SET full_name = %(full_name)s, version = %(version)s, admission_id = %(admission_id)s
           WHERE patient_id = %(patient_id)s""",
        patient_id=patient.patient_id,
        full_name=patient.full_name,
        version=patient.version,
        admission_id=patient.admission_id,
    )
