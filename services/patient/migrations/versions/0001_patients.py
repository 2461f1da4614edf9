"""Patients."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
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
