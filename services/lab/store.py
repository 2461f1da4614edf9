"""The SQL of lab: everything that touches its own tables.

A patient's name is never stored with a result. It is joined from the snapshots, so that a rename shows at once.
"""

from typing import Final, LiteralString
from uuid import UUID

from infirmary.postgres.transaction import Query, Transaction
from infirmary.snapshots import Snapshot
from services.lab.model import LabResult

patients: Final = Snapshot("patient", table="patient_snapshot", key="patient_id", columns=["full_name"])
"""The patients' names, as patient has told them."""

_SELECT: LiteralString = """
SELECT r.lab_result_id, r.patient_id, p.full_name AS patient_name, r.test, r.value, r.unit, r.critical, r.at
FROM lab_results r JOIN patient_snapshot p USING (patient_id)
"""

_PAGE: LiteralString = "r.lab_result_id > %(after)s ORDER BY r.lab_result_id LIMIT %(rows)s"


def find(db: Query, lab_result_id: UUID) -> LabResult | None:
    """Returns a result, or None."""
    return db.one(LabResult, _SELECT + "WHERE r.lab_result_id = %(lab_result_id)s", lab_result_id=lab_result_id)


def list_of_patient(db: Query, patient_id: UUID, after: UUID, rows: int) -> list[LabResult]:
    """Returns the next results of a patient, oldest first."""
    sql = _SELECT + "WHERE r.patient_id = %(patient_id)s AND " + _PAGE
    return db.many(LabResult, sql, patient_id=patient_id, after=after, rows=rows)


def list_all(db: Query, after: UUID, rows: int) -> list[LabResult]:
    """Returns the next results of anybody, oldest first."""
    return db.many(LabResult, _SELECT + "WHERE " + _PAGE, after=after, rows=rows)


def patient_name(db: Query, patient_id: UUID) -> str | None:
    """Returns a patient's name as last heard of, or None while the patient is not known here."""
    name: str | None = db.value(
        "SELECT full_name FROM patient_snapshot WHERE patient_id = %(patient_id)s", patient_id=patient_id
    )
    return name


def insert(tx: Transaction, result: LabResult) -> None:
    """Saves a new result."""
    tx.execute(
        """INSERT INTO lab_results (lab_result_id, patient_id, test, value, unit, critical, at)
           VALUES (%(lab_result_id)s, %(patient_id)s, %(test)s, %(value)s, %(unit)s, %(critical)s, %(at)s)""",
        lab_result_id=result.lab_result_id,
        patient_id=result.patient_id,
        test=result.test,
        value=result.value,
        unit=result.unit,
        critical=result.critical,
        at=result.at,
    )
