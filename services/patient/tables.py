"""The tables of patient."""

import sqlalchemy as sa

from infirmary.postgres.statements import new_metadata

metadata = new_metadata()


class PatientColumns(sa.TypedColumns):
    """A patient, the admission in force and its ward, if there is one, and the last admission that is over."""

    patient_id = sa.Column(sa.Uuid(), primary_key=True)
    full_name = sa.Column(sa.Text, nullable=False)
    date_of_birth = sa.Column(sa.Date, nullable=False)
    version = sa.Column(sa.BigInteger, nullable=False)
    admission_id = sa.Column(sa.Uuid())
    last_contact_at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False, server_default=sa.func.now())
    ward_id = sa.Column(sa.Text)
    last_admission_id = sa.Column(sa.Uuid())


class ErasureColumns(sa.TypedColumns):
    """That a person was erased: all that is left of the patient here. The saga of the same id says how far that is."""

    patient_id = sa.Column(sa.Uuid(), primary_key=True)
    erasure_id = sa.Column(sa.Uuid(), nullable=False)


patients = sa.Table(
    "patients",
    metadata,
    PatientColumns,
    sa.CheckConstraint("length(full_name) BETWEEN 1 AND 200", "full_name"),
    sa.CheckConstraint("date_of_birth BETWEEN '0001-01-01' AND '9999-12-31'", "date_of_birth"),
    sa.CheckConstraint("version >= 1", "version"),
    sa.CheckConstraint("length(ward_id) BETWEEN 1 AND 64", "ward_id"),
    postgresql_with={"fillfactor": 80},
)

erasures = sa.Table("erasures", metadata, ErasureColumns)
