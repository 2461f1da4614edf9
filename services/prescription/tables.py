"""The tables of prescription."""

import sqlalchemy as sa

from infirmary.postgres.statements import new_metadata

metadata = new_metadata()


class PatientSnapshotColumns(sa.TypedColumns):
    """A patient as patient has told of one."""

    patient_id = sa.Column(sa.Uuid(), primary_key=True)
    full_name = sa.Column(sa.Text, nullable=False)
    version = sa.Column(sa.BigInteger, nullable=False)


class PrescriptionColumns(sa.TypedColumns):
    """A prescription, without the name of its patient."""

    prescription_id = sa.Column(sa.Uuid(), primary_key=True)
    patient_id = sa.Column(sa.Uuid(), nullable=False)
    medication_code = sa.Column(sa.Text, nullable=False)
    quantity = sa.Column(sa.Integer, nullable=False)
    status = sa.Column(sa.Text, nullable=False)
    reason = sa.Column(sa.Text)
    created_at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False)


patient_snapshot = sa.Table(
    "patient_snapshot",
    metadata,
    PatientSnapshotColumns,
    sa.CheckConstraint("length(full_name) BETWEEN 1 AND 200", "full_name"),
    sa.CheckConstraint("version >= 1", "version"),
    postgresql_with={"fillfactor": 80},
)

prescriptions = sa.Table(
    "prescriptions",
    metadata,
    PrescriptionColumns,
    sa.CheckConstraint("length(medication_code) BETWEEN 1 AND 64", "medication_code"),
    sa.CheckConstraint("quantity > 0", sa.schema.conv("prescriptions_quantity_check")),
    sa.CheckConstraint("quantity <= 1000000", "quantity"),
    sa.CheckConstraint(
        "status IN ('pending', 'accepted', 'rejected', 'dispensing', 'dispensed', 'cancelled')", "status"
    ),
    sa.CheckConstraint("length(reason) BETWEEN 1 AND 1000", "reason"),
    sa.CheckConstraint("isfinite(created_at)", "created_at"),
    postgresql_with={"fillfactor": 80},
)

sa.Index("prescriptions_patient", prescriptions.c.patient_id, prescriptions.c.prescription_id)
