"""The SQL of chart that writes its own tables; what reads them is in `queries.py`.

The projection is patients, admissions, beds, prescriptions, stock, accounts, lab_results and notifications. It holds
nothing that the logs do not: `forget_everything` empties it together with the places in the logs, and the consumer
fills it anew.

Each table is written from one service's events, each event with one statement, each statement an upsert: an event never
asks what another service has told. `heard_at` is the start of the transaction that changed the row.
"""

from uuid import UUID

from infirmary.postgres.transaction import Transaction
from services.chart.messages import (
    LabResultRecorded,
    NotificationSent,
    PatientAdmitted,
    PatientNameChanged,
    PatientRegistered,
    PrescriptionCreated,
)
from services.chart.model import AdmissionStatus, PrescriptionStatus, Stock


def forget_everything(tx: Transaction) -> None:
    """Empties the projection and forgets how far each log was read, so that all charts are made anew from the logs.

    Ends the consumer's sessions too, which would go on from the places that they remember. New ones start over.
    """
    tx.execute(
        """TRUNCATE log_reader, log_sequence, parked_message,
                    patients, admissions, beds, prescriptions, stock, accounts, lab_results, notifications"""
    )
    tx.execute(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'chart/consumer' AND pid <> pg_backend_pid()"""
    )


def register(tx: Transaction, event: PatientRegistered) -> None:
    """Begins a chart."""
    tx.execute(
        """INSERT INTO patients AS known (patient_id, full_name, version, date_of_birth)
           VALUES (%(patient_id)s, %(full_name)s, %(version)s, %(date_of_birth)s)
           ON CONFLICT (patient_id) DO UPDATE
           SET full_name = CASE WHEN known.version < excluded.version THEN excluded.full_name ELSE known.full_name END,
               version = greatest(known.version, excluded.version), date_of_birth = excluded.date_of_birth,
               heard_at = now()""",
        **event.model_dump(),
    )


def rename(tx: Transaction, event: PatientNameChanged) -> None:
    """Takes over a name, if it is newer than the one known."""
    tx.execute(
        """INSERT INTO patients AS known (patient_id, full_name, version)
           VALUES (%(patient_id)s, %(full_name)s, %(version)s)
           ON CONFLICT (patient_id) DO UPDATE
           SET full_name = excluded.full_name, version = excluded.version, heard_at = now()
           WHERE known.version < excluded.version""",
        **event.model_dump(),
    )


def admit(tx: Transaction, event: PatientAdmitted) -> None:
    """Makes an admission the one in force."""
    tx.execute(
        """INSERT INTO patients (patient_id, admission_id, ward_id, admitted_at)
           VALUES (%(patient_id)s, %(admission_id)s, %(ward_id)s, now())
           ON CONFLICT (patient_id) DO UPDATE
           SET admission_id = excluded.admission_id, ward_id = excluded.ward_id, admitted_at = excluded.admitted_at,
               heard_at = now()""",
        **event.model_dump(),
    )


def end_admission(tx: Transaction, patient_id: UUID) -> None:
    """Leaves the patient without an admission: undone, or discharged."""
    tx.execute(
        """INSERT INTO patients (patient_id) VALUES (%(patient_id)s)
           ON CONFLICT (patient_id) DO UPDATE
           SET admission_id = NULL, ward_id = NULL, admitted_at = NULL, heard_at = now()""",
        patient_id=patient_id,
    )


def keep_admission(tx: Transaction, admission_id: UUID, patient_id: UUID, status: AdmissionStatus) -> None:
    """Notes how an admission ended."""
    tx.execute(
        """INSERT INTO admissions (admission_id, patient_id, status)
           VALUES (%(admission_id)s, %(patient_id)s, %(status)s)
           ON CONFLICT (admission_id) DO UPDATE SET status = excluded.status, heard_at = now()""",
        admission_id=admission_id,
        patient_id=patient_id,
        status=status,
    )


def keep_bed(tx: Transaction, admission_id: UUID, patient_id: UUID, *, reserved: bool) -> None:
    """Notes whether a bed is kept for an admission."""
    tx.execute(
        """INSERT INTO beds (admission_id, patient_id, reserved)
           VALUES (%(admission_id)s, %(patient_id)s, %(reserved)s)
           ON CONFLICT (admission_id) DO UPDATE SET reserved = excluded.reserved, heard_at = now()""",
        admission_id=admission_id,
        patient_id=patient_id,
        reserved=reserved,
    )


def prescribe(tx: Transaction, event: PrescriptionCreated) -> None:
    """Fills in what was prescribed; a status that was heard of before stays."""
    tx.execute(
        """INSERT INTO prescriptions (prescription_id, patient_id, medication_code, quantity, status)
           VALUES (%(prescription_id)s, %(patient_id)s, %(medication_code)s, %(quantity)s, 'pending')
           ON CONFLICT (prescription_id) DO UPDATE
           SET medication_code = excluded.medication_code, quantity = excluded.quantity, heard_at = now()""",
        **event.model_dump(),
    )


def keep_prescription(
    tx: Transaction, prescription_id: UUID, patient_id: UUID, status: PrescriptionStatus, reason: str | None
) -> None:
    """Notes what has become of a prescription."""
    tx.execute(
        """INSERT INTO prescriptions (prescription_id, patient_id, status, reason)
           VALUES (%(prescription_id)s, %(patient_id)s, %(status)s, %(reason)s)
           ON CONFLICT (prescription_id) DO UPDATE
           SET status = excluded.status, reason = excluded.reason, heard_at = now()""",
        prescription_id=prescription_id,
        patient_id=patient_id,
        status=status,
        reason=reason,
    )


def cancel_prescription(tx: Transaction, prescription_id: UUID, patient_id: UUID) -> None:
    """Notes that a prescription was taken back; why its last dispensing failed, if it did, stays."""
    tx.execute(
        """INSERT INTO prescriptions (prescription_id, patient_id, status)
           VALUES (%(prescription_id)s, %(patient_id)s, 'cancelled')
           ON CONFLICT (prescription_id) DO UPDATE SET status = excluded.status, heard_at = now()""",
        prescription_id=prescription_id,
        patient_id=patient_id,
    )


def keep_stock(tx: Transaction, prescription_id: UUID, patient_id: UUID, stock: Stock) -> None:
    """Notes where the boxes of a prescription are."""
    tx.execute(
        """INSERT INTO stock (prescription_id, patient_id, stock)
           VALUES (%(prescription_id)s, %(patient_id)s, %(stock)s)
           ON CONFLICT (prescription_id) DO UPDATE SET stock = excluded.stock, heard_at = now()""",
        prescription_id=prescription_id,
        patient_id=patient_id,
        stock=stock,
    )


def keep_balance(tx: Transaction, patient_id: UUID, balance: str, account_version: int) -> None:
    """Takes over a balance, if it is newer than the one known."""
    tx.execute(
        """INSERT INTO accounts AS known (patient_id, balance, version)
           VALUES (%(patient_id)s, %(balance)s::numeric, %(version)s)
           ON CONFLICT (patient_id) DO UPDATE
           SET balance = excluded.balance, version = excluded.version, heard_at = now()
           WHERE known.version < excluded.version""",
        patient_id=patient_id,
        balance=balance,
        version=account_version,
    )


def keep_lab_result(tx: Transaction, event: LabResultRecorded) -> None:
    """Takes over a lab result."""
    tx.execute(
        """INSERT INTO lab_results (lab_result_id, patient_id, test, value, unit, critical)
           VALUES (%(lab_result_id)s, %(patient_id)s, %(test)s, %(value)s, %(unit)s, %(critical)s)
           ON CONFLICT (lab_result_id) DO NOTHING""",
        **event.model_dump(),
    )


def keep_notification(tx: Transaction, event: NotificationSent) -> None:
    """Takes over a notification."""
    tx.execute(
        """INSERT INTO notifications (notification_id, patient_id, kind, text, reference_id)
           VALUES (%(notification_id)s, %(patient_id)s, %(kind)s, %(text)s, %(reference_id)s)
           ON CONFLICT (notification_id) DO NOTHING""",
        **event.model_dump(),
    )
