"""The statements of patient: everything that touches its own tables."""

from uuid import UUID

import sqlalchemy as sa

from infirmary.postgres.statements import compiled, fields_of, given, is_given, values_of
from infirmary.postgres.transaction import Query, Transaction
from services.patient.model import Patient
from services.patient.tables import patients

_FIELDS = fields_of(Patient, patients)
_ONE = sa.select(*_FIELDS).where(is_given(patients.c.patient_id))
_FIND = compiled(_ONE)
_LOCK = compiled(_ONE.with_for_update())
_INSERT = compiled(sa.insert(patients).values(given(*_FIELDS)))
_SAVE = compiled(
    sa.update(patients)
    .where(is_given(patients.c.patient_id))
    .values(given(patients.c.full_name, patients.c.version, patients.c.admission_id))
)


def find(db: Query, patient_id: UUID) -> Patient | None:
    """Returns a patient as of now."""
    return db.one(Patient, _FIND, patient_id=patient_id)


def lock(tx: Transaction, patient_id: UUID) -> Patient | None:
    """Returns a patient whom nobody else can change until the transaction ends."""
    return tx.one(Patient, _LOCK, patient_id=patient_id)


def insert(tx: Transaction, patient: Patient) -> None:
    """Saves a new patient."""
    tx.execute(_INSERT, **values_of(patient))


def save(tx: Transaction, patient: Patient) -> None:
    """Saves what may change about a patient."""
    tx.execute(_SAVE, **values_of(patient))
