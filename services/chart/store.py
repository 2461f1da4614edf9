"""The statements of chart that write its own tables; those that read them are in `queries.py`.

The projection is what `tables.py` declares. It holds nothing that the logs do not, so it can be made anew from them,
beside the one in use; only who is erased stays so in any case.

Each table is written from one service's events, each event with one statement, each statement an upsert: an event never
asks what another service has told.
"""

from dataclasses import dataclass
from typing import Any, Final, LiteralString, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from infirmary.postgres.erasing import forget
from infirmary.postgres.statements import compiled, given, is_given
from infirmary.postgres.transaction import Transaction
from infirmary.snapshots import ERASED_VERSION
from services.chart.messages import (
    LabResultRecorded,
    NotificationSent,
    PatientAdmitted,
    PatientNameChanged,
    PatientRegistered,
    PrescriptionCreated,
)
from services.chart.model import AdmissionStatus, PrescriptionStatus, Stock
from services.chart.tables import (
    accounts,
    admissions,
    beds,
    lab_results,
    notifications,
    patients,
    prescriptions,
    stock,
)

ERASED: Final = "erased"
"""What stands in place of what a person was told who was erased."""

PERSONAL: Final = {"full_name": ERASED, "date_of_birth": "0001-01-01"}
"""What stands in held messages in place of what is personal, once a person is erased."""


def _told(table: sa.Table, *columns: sa.Column[Any], **otherwise: Any) -> postgresql.Insert:
    """Returns the row that an event tells of: its columns as given, or otherwise."""
    return postgresql.insert(table).values({**given(*columns), **otherwise})


def _kept(told: postgresql.Insert, *changed: sa.Column[Any], if_newer: bool = False, **otherwise: Any) -> LiteralString:
    """Returns the statement that writes what was told: a row, or of a row that is there already some columns.

    Args:
        told: The row.
        changed: Columns that become as told.
        if_newer: Whether a row that is there stays as it is unless its `version` is older.
        otherwise: Columns that become something else.
    """
    table = cast("sa.Table", told.table)
    changes = {column.key: told.excluded[column.key] for column in changed}
    return compiled(
        told.on_conflict_do_update(
            index_elements=table.primary_key,
            set_={**changes, **otherwise, "heard_at": sa.func.now()},
            where=table.c.version < told.excluded.version if if_newer else None,
        )
    )


_PATIENT = _told(patients, patients.c.patient_id, patients.c.full_name, patients.c.version, patients.c.date_of_birth)
_REGISTER = _kept(
    _PATIENT,
    date_of_birth=sa.case((patients.c.version < ERASED_VERSION, _PATIENT.excluded.date_of_birth)),
    full_name=sa.case(
        (patients.c.version < _PATIENT.excluded.version, _PATIENT.excluded.full_name), else_=patients.c.full_name
    ),
    version=sa.func.greatest(patients.c.version, _PATIENT.excluded.version),
)
_RENAME = _kept(
    _told(patients, patients.c.patient_id, patients.c.full_name, patients.c.version),
    patients.c.full_name,
    patients.c.version,
    if_newer=True,
)
_ERASE = _kept(
    _told(patients, patients.c.patient_id, version=ERASED_VERSION),
    patients.c.version,
    full_name=sa.null(),
    date_of_birth=sa.null(),
)
_ERASE_TEXTS = compiled(
    sa.update(notifications).where(is_given(notifications.c.patient_id)).values(text=sa.literal(ERASED))
)
_ADMIT = _kept(
    _told(patients, patients.c.patient_id, patients.c.admission_id, patients.c.ward_id, admitted_at=sa.func.now()),
    patients.c.admission_id,
    patients.c.ward_id,
    patients.c.admitted_at,
)
_END_ADMISSION = _kept(
    _told(patients, patients.c.patient_id), admission_id=sa.null(), ward_id=sa.null(), admitted_at=sa.null()
)
_KEEP_ADMISSION = _kept(
    _told(admissions, admissions.c.admission_id, admissions.c.patient_id, admissions.c.status), admissions.c.status
)
_KEEP_BED = _kept(_told(beds, beds.c.admission_id, beds.c.patient_id, beds.c.reserved), beds.c.reserved)
_PRESCRIBE = _kept(
    _told(
        prescriptions,
        prescriptions.c.prescription_id,
        prescriptions.c.patient_id,
        prescriptions.c.medication_code,
        prescriptions.c.quantity,
        status="pending",
    ),
    prescriptions.c.medication_code,
    prescriptions.c.quantity,
)
_KEEP_PRESCRIPTION = _kept(
    _told(
        prescriptions,
        prescriptions.c.prescription_id,
        prescriptions.c.patient_id,
        prescriptions.c.status,
        prescriptions.c.reason,
    ),
    prescriptions.c.status,
    prescriptions.c.reason,
)
_CANCEL_PRESCRIPTION = _kept(
    _told(
        prescriptions,
        prescriptions.c.prescription_id,
        prescriptions.c.patient_id,
        status="cancelled",
    ),
    prescriptions.c.status,
)
_KEEP_STOCK = _kept(_told(stock, stock.c.prescription_id, stock.c.patient_id, stock.c.stock), stock.c.stock)
_KEEP_BALANCE = _kept(
    _told(accounts, accounts.c.patient_id, accounts.c.balance, accounts.c.version),
    accounts.c.balance,
    accounts.c.version,
    if_newer=True,
)
_KEEP_LAB_RESULT = compiled(
    _told(
        lab_results,
        lab_results.c.lab_result_id,
        lab_results.c.patient_id,
        lab_results.c.test,
        lab_results.c.value,
        lab_results.c.unit,
        lab_results.c.critical,
    ).on_conflict_do_nothing(index_elements=lab_results.primary_key)
)
_KEEP_NOTIFICATION = compiled(
    _told(
        notifications,
        notifications.c.notification_id,
        notifications.c.patient_id,
        notifications.c.kind,
        notifications.c.text,
        notifications.c.reference_id,
    ).on_conflict_do_nothing(index_elements=notifications.primary_key)
)

# The charts in use while they are made anew: the schema is none that SQLAlchemy's tables name.
_ERASED_BEFORE: LiteralString = """
SELECT patient_id FROM public.patients WHERE version = %(erased)s
EXCEPT SELECT patient_id FROM patients WHERE version = %(erased)s
"""


@dataclass(frozen=True, slots=True)
class _Erased:
    patient_id: UUID


def keep_erased(tx: Transaction) -> None:
    """Erases in charts made anew who is erased in those in use, whatever the logs still tell of it."""
    for erased in tx.many(_Erased, _ERASED_BEFORE, erased=ERASED_VERSION):
        erase_patient(tx, erased.patient_id)


def register(tx: Transaction, event: PatientRegistered) -> None:
    """Begins a chart."""
    tx.execute(_REGISTER, **event.model_dump())


def rename(tx: Transaction, event: PatientNameChanged) -> None:
    """Takes over a name, if it is newer than the one known."""
    tx.execute(_RENAME, **event.model_dump())


def erase_patient(tx: Transaction, patient_id: UUID) -> None:
    """Forgets whose chart it is and what the patient was told. What else is on it stays, under the patient's id."""
    forget(tx, patient_id, PERSONAL)
    tx.execute(_ERASE, patient_id=patient_id)
    tx.execute(_ERASE_TEXTS, patient_id=patient_id)


def admit(tx: Transaction, event: PatientAdmitted) -> None:
    """Makes an admission the one in force."""
    tx.execute(_ADMIT, **event.model_dump())


def end_admission(tx: Transaction, patient_id: UUID) -> None:
    """Leaves the patient without an admission: undone, or discharged."""
    tx.execute(_END_ADMISSION, patient_id=patient_id)


def keep_admission(tx: Transaction, admission_id: UUID, patient_id: UUID, status: AdmissionStatus) -> None:
    """Notes how an admission ended."""
    tx.execute(_KEEP_ADMISSION, admission_id=admission_id, patient_id=patient_id, status=status)


def keep_bed(tx: Transaction, admission_id: UUID, patient_id: UUID, *, reserved: bool) -> None:
    """Notes whether a bed is kept for an admission."""
    tx.execute(_KEEP_BED, admission_id=admission_id, patient_id=patient_id, reserved=reserved)


def prescribe(tx: Transaction, event: PrescriptionCreated) -> None:
    """Fills in what was prescribed; a status that was heard of before stays."""
    tx.execute(_PRESCRIBE, **event.model_dump())


def keep_prescription(
    tx: Transaction, prescription_id: UUID, patient_id: UUID, status: PrescriptionStatus, reason: str | None
) -> None:
    """Notes what has become of a prescription."""
    tx.execute(_KEEP_PRESCRIPTION, prescription_id=prescription_id, patient_id=patient_id, status=status, reason=reason)


def cancel_prescription(tx: Transaction, prescription_id: UUID, patient_id: UUID) -> None:
    """Notes that a prescription was taken back; why its last dispensing failed, if it did, stays."""
    tx.execute(_CANCEL_PRESCRIPTION, prescription_id=prescription_id, patient_id=patient_id)


def keep_stock(tx: Transaction, prescription_id: UUID, patient_id: UUID, stock: Stock) -> None:
    """Notes where the boxes of a prescription are."""
    tx.execute(_KEEP_STOCK, prescription_id=prescription_id, patient_id=patient_id, stock=stock)


def keep_balance(tx: Transaction, patient_id: UUID, balance: str, account_version: int) -> None:
    """Takes over a balance, if it is newer than the one known."""
    tx.execute(_KEEP_BALANCE, patient_id=patient_id, balance=balance, version=account_version)


def keep_lab_result(tx: Transaction, event: LabResultRecorded) -> None:
    """Takes over a lab result."""
    tx.execute(_KEEP_LAB_RESULT, **event.model_dump())


def keep_notification(tx: Transaction, event: NotificationSent) -> None:
    """Takes over a notification."""
    tx.execute(_KEEP_NOTIFICATION, **event.model_dump())
