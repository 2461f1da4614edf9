"""The tables of patient."""

import sqlalchemy as sa

from infirmary.postgres.statements import new_metadata

metadata = new_metadata()


class PatientColumns(sa.TypedColumns):
    """A patient, and the admission in force, if there is one."""

    patient_id = sa.Column(sa.Uuid(), primary_key=True)
    full_name = sa.Column(sa.Text, nullable=False)
    date_of_birth = sa.Column(sa.Date, nullable=False)
    version = sa.Column(sa.BigInteger, nullable=False)
    admission_id = sa.Column(sa.Uuid())


patients = sa.Table(
    "patients",
    metadata,
    PatientColumns,
    sa.CheckConstraint("length(full_name) BETWEEN 1 AND 200", "full_name"),
    sa.CheckConstraint("date_of_birth BETWEEN '0001-01-01' AND '9999-12-31'", "date_of_birth"),
    sa.CheckConstraint("version >= 1", "version"),
    postgresql_with={"fillfactor": 80},
)
