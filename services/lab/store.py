"""The statements of lab: everything that touches its own tables.

A patient's name is never stored with a result. It is joined from the snapshots, so that a rename shows at once.
"""

from typing import Final
from uuid import UUID

import sqlalchemy as sa

from infirmary.postgres.erasing import await_answers, forget
from infirmary.postgres.statements import compiled, fields_of, given, is_given, values_of
from infirmary.postgres.transaction import Query, Transaction
from infirmary.snapshots import ERASED_VERSION, Snapshot
from services.lab.model import LabResult
from services.lab.tables import lab_results, patient_snapshot

patients: Final = Snapshot("patient", patient_snapshot)
"""The patients' names, as patient has told them."""

ERASED: Final = "erased"
"""What is shown in place of the name of a person who was erased."""

PERSONAL: Final = {"full_name": ERASED, "patient_name": ERASED, "date_of_birth": "0001-01-01"}
"""What stands in held messages and kept answers in place of what is personal, once a person is erased."""

_RESULTS = sa.select(*fields_of(LabResult, lab_results, patient_name=patient_snapshot.c.full_name)).join_from(
    lab_results, patient_snapshot, lab_results.c.patient_id == patient_snapshot.c.patient_id
)
_PAGE = (
    _RESULTS.where(lab_results.c.lab_result_id > sa.bindparam("after"))
    .order_by(lab_results.c.lab_result_id)
    .limit(sa.bindparam("rows"))
)
_FIND = compiled(_RESULTS.where(is_given(lab_results.c.lab_result_id)))
_LIST_OF_PATIENT = compiled(_PAGE.where(is_given(lab_results.c.patient_id)))
_LIST_ALL = compiled(_PAGE)
_INSERT = compiled(
    sa.insert(lab_results).values(
        given(
            lab_results.c.lab_result_id,
            lab_results.c.patient_id,
            lab_results.c.test,
            lab_results.c.value,
            lab_results.c.unit,
            lab_results.c.critical,
            lab_results.c.at,
        )
    )
)
_PATIENT_NAME = compiled(
    sa.select(patient_snapshot.c.full_name).where(
        is_given(patient_snapshot.c.patient_id), patient_snapshot.c.version < ERASED_VERSION
    )
)


def find(db: Query, lab_result_id: UUID) -> LabResult | None:
    """Returns a result, or None."""
    return db.one(LabResult, _FIND, lab_result_id=lab_result_id)


def list_of_patient(db: Query, patient_id: UUID, after: UUID, rows: int) -> list[LabResult]:
    """Returns the next results of a patient, oldest first."""
    return db.many(LabResult, _LIST_OF_PATIENT, patient_id=patient_id, after=after, rows=rows)


def list_all(db: Query, after: UUID, rows: int) -> list[LabResult]:
    """Returns the next results of anybody, oldest first."""
    return db.many(LabResult, _LIST_ALL, after=after, rows=rows)


def patient_name(db: Query, patient_id: UUID) -> str | None:
    """Returns a patient's name as last heard of, or None while the patient is not known here, or not any more."""
    name: str | None = db.value(_PATIENT_NAME, patient_id=patient_id)
    return name


def insert(tx: Transaction, result: LabResult) -> None:
    """Saves a new result."""
    tx.execute(_INSERT, **values_of(result))


def erase_patient(tx: Transaction, patient_id: UUID) -> None:
    """Forgets a patient's name for good; what was found stays, under the patient's id."""
    await_answers(tx)
    forget(tx, patient_id, PERSONAL)
    patients.erase(tx, patient_id, full_name=ERASED)
