"""The SQL of prescription: everything that touches its own tables."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString
from uuid import UUID

from infirmary.postgres.transaction import Query, Transaction
from infirmary.snapshots import Snapshot
from services.prescription.model import Prescription, Status

patients: Final = Snapshot("patient", table="patient_snapshot", key="patient_id", columns=["full_name"])
"""The patients' names, as patient has told them."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a request needs to write a prescription: the patient's name and the database's clock."""

    patient_name: str
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


def known_patient(tx: Transaction, patient_id: UUID) -> Known | None:
    """Returns a patient of whom this service has heard."""
    return tx.one(
        Known,
        """SELECT full_name AS patient_name, clock_timestamp() AS now FROM patient_snapshot
           WHERE patient_id = %(patient_id)s""",
        patient_id=patient_id,
    )


_SELECT: LiteralString = """
SELECT p.prescription_id, p.patient_id, s.full_name AS patient_name, p.medication_code, p.quantity, p.status,
p.reason, p.created_at
FROM prescriptions p JOIN patient_snapshot s USING (patient_id)
"""


def find(db: Query, prescription_id: UUID) -> Row | None:
    """Returns a prescription as of now."""
    return db.one(Row, _SELECT + "WHERE p.prescription_id = %(prescription_id)s", prescription_id=prescription_id)


def after(db: Query, start: UUID, patient_id: UUID | None, at_most: int) -> list[Row]:
    """Returns prescriptions in the order of their ids, those behind `start`, of one patient or of all."""
    of_patient = "" if patient_id is None else "AND p.patient_id = %(patient_id)s "
    return db.many(
        Row,
        _SELECT + "WHERE p.prescription_id > %(start)s " + of_patient + "ORDER BY p.prescription_id LIMIT %(at_most)s",
        start=start,
        patient_id=patient_id,
        at_most=at_most,
    )


def lock(tx: Transaction, prescription_id: UUID) -> Prescription | None:
    """Returns a prescription that nobody else can change until the transaction ends."""
    return tx.one(
        Prescription,
        """SELECT prescription_id, patient_id, medication_code, quantity, status, reason, created_at FROM prescriptions
           WHERE prescription_id = %(prescription_id)s FOR UPDATE""",
        prescription_id=prescription_id,
    )


def insert(tx: Transaction, prescription: Prescription) -> None:
    """Saves a new prescription."""
    tx.execute(
        """INSERT INTO prescriptions (prescription_id, patient_id, medication_code, quantity, status, created_at)
           VALUES (%(prescription_id)s, %(patient_id)s, %(medication_code)s, %(quantity)s, %(status)s,
           %(created_at)s)""",
        prescription_id=prescription.prescription_id,
        patient_id=prescription.patient_id,
        medication_code=prescription.medication_code,
        quantity=prescription.quantity,
        status=prescription.status,
        created_at=prescription.created_at,
    )


def save(tx: Transaction, prescription: Prescription) -> None:
    """Saves what may change about a prescription."""
    tx.execute(
        "UPDATE prescriptions SET status = %(status)s, reason = %(reason)s WHERE prescription_id = %(prescription_id)s",
        prescription_id=prescription.prescription_id,
        status=prescription.status,
        reason=prescription.reason,
    )
