"""Patients, and the library's tables."""

from alembic import op

from infirmary.postgres.schema import create_library_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    create_library_tables(op.get_bind())
    op.execute(
        """
        CREATE TABLE patients (
            patient_id    uuid PRIMARY KEY,
            full_name     text NOT NULL,
            date_of_birth date NOT NULL,
            version       bigint NOT NULL,
            admission_id  uuid
        ) WITH (fillfactor = 80);
        """
    )
