"""The tables of lab."""

import sqlalchemy as sa

from infirmary.postgres.statements import new_metadata

metadata = new_metadata()


class PatientSnapshotColumns(sa.TypedColumns):
    """A patient as patient has told of one."""

    patient_id = sa.Column(sa.Uuid(), primary_key=True)
    full_name = sa.Column(sa.Text, nullable=False)
    version = sa.Column(sa.BigInteger, nullable=False)


class LabResultColumns(sa.TypedColumns):
    """A result, without the name of its patient."""

    lab_result_id = sa.Column(sa.Uuid(), primary_key=True)
    patient_id = sa.Column(sa.Uuid(), nullable=False)
    test = sa.Column(sa.Text, nullable=False)
    value = sa.Column(sa.Text, nullable=False)
    unit = sa.Column(sa.Text, nullable=False)
    critical = sa.Column(sa.Boolean, nullable=False)
    at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False)


patient_snapshot = sa.Table(
    "patient_snapshot",
    metadata,
    PatientSnapshotColumns,
    sa.CheckConstraint("length(full_name) BETWEEN 1 AND 200", "full_name"),
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
    sa.CheckConstraint("isfinite(at)", "at"),
)

sa.Index("lab_results_of_patient", lab_results.c.patient_id, lab_results.c.lab_result_id)
