"""The statements of prescription: everything that touches its own tables."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from infirmary.postgres.erasing import await_answers, forget
from infirmary.postgres.statements import compiled, fields_of, given, is_given, values_of
from infirmary.postgres.transaction import Query, Transaction
from infirmary.snapshots import ERASED_VERSION, Snapshot
from services.prescription.model import Prescription, Status
from services.prescription.tables import patient_snapshot, prescriptions

patients: Final = Snapshot("patient", patient_snapshot)
"""The patients' names, as patient has told them."""

ERASED: Final = "erased"
"""What is shown in place of the name of a person who was erased."""

PERSONAL: Final = {"full_name": ERASED, "patient_name": ERASED, "date_of_birth": "0001-01-01"}
"""What stands in held messages and kept answers in place of what is personal, once a person is erased."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a request needs to write a prescription: the patient's name and the database's clock."""

    patient_name: str
    is_erased: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """A prescription with the patient's name as last heard of."""

    prescription_id: UUID
    patient_id: UUID
    patient_name: str
    medication_code: str
    quantity: int
    status: Status
    reason: str | None
    created_at: datetime


_KNOWN = fields_of(
    Known,
    patient_snapshot,
    patient_name=patient_snapshot.c.full_name,
    is_erased=patient_snapshot.c.version == ERASED_VERSION,
    now=sa.func.clock_timestamp(),
)
_KNOWN_PATIENT = compiled(sa.select(*_KNOWN).where(is_given(patient_snapshot.c.patient_id)))

_ROWS = sa.select(*fields_of(Row, prescriptions, patient_name=patient_snapshot.c.full_name)).join_from(
    prescriptions, patient_snapshot, prescriptions.c.patient_id == patient_snapshot.c.patient_id
)
_PAGE = (
    _ROWS.where(prescriptions.c.prescription_id > sa.bindparam("start"))
    .order_by(prescriptions.c.prescription_id)
    .limit(sa.bindparam("at_most"))
)
_FIND = compiled(_ROWS.where(is_given(prescriptions.c.prescription_id)))
_AFTER = compiled(_PAGE)
_AFTER_OF_PATIENT = compiled(_PAGE.where(is_given(prescriptions.c.patient_id)))
_FIELDS = fields_of(Prescription, prescriptions)
_LOCK = compiled(sa.select(*_FIELDS).where(is_given(prescriptions.c.prescription_id)).with_for_update())
_INSERT = compiled(sa.insert(prescriptions).values(given(*_FIELDS)))
_SAVE = compiled(
    sa.update(prescriptions)
    .where(is_given(prescriptions.c.prescription_id))
    .values(given(prescriptions.c.status, prescriptions.c.reason))
)


def known_patient(tx: Transaction, patient_id: UUID) -> Known | None:
    """Returns a patient of whom this service has heard."""
    return tx.one(Known, _KNOWN_PATIENT, patient_id=patient_id)


def find(db: Query, prescription_id: UUID) -> Row | None:
    """Returns a prescription as of now."""
    return db.one(Row, _FIND, prescription_id=prescription_id)


def after(db: Query, start: UUID, patient_id: UUID | None, at_most: int) -> list[Row]:
    """Returns prescriptions in the order of their ids, those behind `start`, of one patient or of all."""
    statement = _AFTER if patient_id is None else _AFTER_OF_PATIENT
    return db.many(Row, statement, start=start, patient_id=patient_id, at_most=at_most)


def lock(tx: Transaction, prescription_id: UUID) -> Prescription | None:
    """Returns a prescription that nobody else can change until the transaction ends."""
    return tx.one(Prescription, _LOCK, prescription_id=prescription_id)


def insert(tx: Transaction, prescription: Prescription) -> None:
    """Saves a new prescription."""
    tx.execute(_INSERT, **values_of(prescription))


def save(tx: Transaction, prescription: Prescription) -> None:
    """Saves what may change about a prescription."""
    tx.execute(_SAVE, **values_of(prescription))


def erase_patient(tx: Transaction, patient_id: UUID) -> None:
    """Forgets a patient's name for good; prescriptions stay, under the patient's id."""
    await_answers(tx)
    forget(tx, patient_id, PERSONAL)
    patients.erase(tx, patient_id, full_name=ERASED)
