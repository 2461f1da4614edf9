"""The statements of patient: everything that touches its own tables."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa

from infirmary.postgres.erasing import forget
from infirmary.postgres.statements import compiled, fields_of, given, is_given, values_of
from infirmary.postgres.transaction import Query, Transaction
from services.patient.model import Patient
from services.patient.tables import erasures, patients

PERSONAL: Final = {"full_name": "erased", "date_of_birth": "0001-01-01"}
"""What stands in kept answers in place of what is personal, once a person is erased."""

_FIELDS = fields_of(Patient, patients)
_ONE = sa.select(*_FIELDS).where(is_given(patients.c.patient_id))
_FIND = compiled(_ONE)
_LOCK = compiled(_ONE.with_for_update())
_INSERT = compiled(sa.insert(patients).values(given(*_FIELDS)))
_SAVE = compiled(
    sa.update(patients)
    .where(is_given(patients.c.patient_id))
    .values(
        given(
            patients.c.full_name,
            patients.c.version,
            patients.c.admission_id,
            patients.c.ward_id,
            patients.c.last_admission_id,
            patients.c.last_contact_at,
        )
    )
)
_DELETE = compiled(sa.delete(patients).where(is_given(patients.c.patient_id)))
_REMEMBER_ERASURE = compiled(sa.insert(erasures).values(given(erasures.c.patient_id, erasures.c.erasure_id)))
_ERASURE = compiled(sa.select(erasures.c.erasure_id).where(is_given(erasures.c.patient_id)))


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


def erase(tx: Transaction, patient_id: UUID, erasure_id: UUID) -> None:
    """Deletes a patient who is locked, and keeps that this was done.

    Whatever answers with the patient's name holds the same lock: no such request is under way.
    """
    forget(tx, patient_id, PERSONAL)
    tx.execute(_DELETE, patient_id=patient_id)
    tx.execute(_REMEMBER_ERASURE, patient_id=patient_id, erasure_id=erasure_id)


def erasure_of(db: Query, patient_id: UUID) -> UUID | None:
    """Returns the erasure of a patient who was erased."""
    erasure_id: UUID | None = db.value(_ERASURE, patient_id=patient_id)
    return erasure_id
