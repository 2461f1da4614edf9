"""The tables of chart: the projection that charts are read from.

Each is written from the log of one service only. What an event does not tell is null until another one does.
`heard_at` is the start of the transaction that changed the row.
"""

import sqlalchemy as sa

from infirmary.postgres.statements import new_metadata

metadata = new_metadata()


class PatientColumns(sa.TypedColumns):
    """From patient. `version` guards the name. The admission is the one in force."""

    patient_id = sa.Column(sa.Uuid(), primary_key=True)
    full_name = sa.Column(sa.Text)
    version = sa.Column(sa.BigInteger, nullable=False, server_default=sa.text("0"))
    date_of_birth = sa.Column(sa.Date)
    admission_id = sa.Column(sa.Uuid())
    ward_id = sa.Column(sa.Text)
    admitted_at = sa.Column(sa.TIMESTAMP(timezone=True))
    heard_at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now())


class AdmissionColumns(sa.TypedColumns):
    """From admission."""

    admission_id = sa.Column(sa.Uuid(), primary_key=True)
    patient_id = sa.Column(sa.Uuid(), nullable=False)
    status = sa.Column(sa.Text, nullable=False)
    heard_at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now())


class BedColumns(sa.TypedColumns):
    """From ward."""

    admission_id = sa.Column(sa.Uuid(), primary_key=True)
    patient_id = sa.Column(sa.Uuid(), nullable=False)
    reserved = sa.Column(sa.Boolean, nullable=False)
    heard_at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now())


class PrescriptionColumns(sa.TypedColumns):
    """From prescription."""

    prescription_id = sa.Column(sa.Uuid(), primary_key=True)
    patient_id = sa.Column(sa.Uuid(), nullable=False)
    medication_code = sa.Column(sa.Text)
    quantity = sa.Column(sa.Integer)
    status = sa.Column(sa.Text, nullable=False)
    reason = sa.Column(sa.Text)
    heard_at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now())


class StockColumns(sa.TypedColumns):
    """From inventory: where the boxes of a prescription are."""

    prescription_id = sa.Column(sa.Uuid(), primary_key=True)
    patient_id = sa.Column(sa.Uuid(), nullable=False)
    stock = sa.Column(sa.Text, nullable=False)
    heard_at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now())


class AccountColumns(sa.TypedColumns):
    """From billing. `version` guards the balance."""

    patient_id = sa.Column(sa.Uuid(), primary_key=True)
    balance = sa.Column(sa.Numeric(26, 2), nullable=False)
    version = sa.Column(sa.BigInteger, nullable=False)
    heard_at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now())


class LabResultColumns(sa.TypedColumns):
    """From lab."""

    lab_result_id = sa.Column(sa.Uuid(), primary_key=True)
    patient_id = sa.Column(sa.Uuid(), nullable=False)
    test = sa.Column(sa.Text, nullable=False)
    value = sa.Column(sa.Text, nullable=False)
    unit = sa.Column(sa.Text, nullable=False)
    critical = sa.Column(sa.Boolean, nullable=False)
    heard_at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now())


class NotificationColumns(sa.TypedColumns):
    """From notification."""

    notification_id = sa.Column(sa.Uuid(), primary_key=True)
    patient_id = sa.Column(sa.Uuid(), nullable=False)
    kind = sa.Column(sa.Text, nullable=False)
    text = sa.Column(sa.Text, nullable=False)
    reference_id = sa.Column(sa.Uuid(), nullable=False)
    heard_at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now())


patients = sa.Table(
    "patients",
    metadata,
    PatientColumns,
    sa.CheckConstraint("length(full_name) BETWEEN 1 AND 200", "full_name"),
    sa.CheckConstraint("version >= 0", "version"),
    sa.CheckConstraint("date_of_birth BETWEEN '0001-01-01' AND '9999-12-31'", "date_of_birth"),
    sa.CheckConstraint("length(ward_id) BETWEEN 1 AND 64", "ward_id"),
    postgresql_with={"fillfactor": 80},
)

admissions = sa.Table(
    "admissions",
    metadata,
    AdmissionColumns,
    sa.CheckConstraint("status IN ('completed', 'failed')", "status"),
    sa.Index("admissions_of_patient", "patient_id"),
)

beds = sa.Table(
    "beds",
    metadata,
    BedColumns,
    sa.Index("beds_of_patient", "patient_id"),
    postgresql_with={"fillfactor": 80},
)

prescriptions = sa.Table(
    "prescriptions",
    metadata,
    PrescriptionColumns,
    sa.CheckConstraint("length(medication_code) BETWEEN 1 AND 64", "medication_code"),
    sa.CheckConstraint("quantity BETWEEN 1 AND 1000000", "quantity"),
    sa.CheckConstraint("status IN ('pending', 'accepted', 'rejected', 'dispensed', 'cancelled')", "status"),
    sa.CheckConstraint("length(reason) BETWEEN 1 AND 1000", "reason"),
    sa.Index("prescriptions_in_order", "patient_id", "prescription_id"),
    postgresql_with={"fillfactor": 80},
)

stock = sa.Table(
    "stock",
    metadata,
    StockColumns,
    sa.CheckConstraint("stock IN ('reserved', 'rejected', 'released', 'dispensed')", "stock"),
    sa.Index("stock_of_patient", "patient_id"),
    postgresql_with={"fillfactor": 80},
)

accounts = sa.Table(
    "accounts",
    metadata,
    AccountColumns,
    sa.CheckConstraint("balance BETWEEN 0 AND 999999999999999999999999.99", "balance"),
    sa.CheckConstraint("version >= 1", "version"),
    postgresql_with={"fillfactor": 80},
)

lab_results = sa.Table(
    "lab_results",
    metadata,
    LabResultColumns,
    sa.CheckConstraint("length(test) BETWEEN 1 AND 200", "test"),
    sa.CheckConstraint("length(value) BETWEEN 1 AND 200", "value"),
    sa.CheckConstraint("length(unit) <= 32", "unit"),
    sa.Index("lab_results_in_order", "patient_id", "lab_result_id"),
)

notifications = sa.Table(
    "notifications",
    metadata,
    NotificationColumns,
    sa.CheckConstraint("length(kind) BETWEEN 1 AND 200", "kind"),
    sa.CheckConstraint("length(text) BETWEEN 1 AND 1000", "text"),
    sa.Index("notifications_in_order", "patient_id", "notification_id"),
)
