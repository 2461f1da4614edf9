"""Prescriptions, and the patients' names."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    op.execute(
        """
        CREATE TABLE patient_snapshot (
            patient_id uuid PRIMARY KEY,
            full_name  text NOT NULL,
            version    bigint NOT NULL
        ) WITH (fillfactor = 80);

        CREATE TABLE prescriptions (
            prescription_id uuid PRIMARY KEY,
            patient_id      uuid NOT NULL,
            medication_code text NOT NULL,
            quantity        integer NOT NULL CHECK (quantity > 0),
            status          text NOT NULL,
            reason          text,
            created_at      timestamptz NOT NULL
        ) WITH (fillfactor = 80);
        CREATE INDEX prescriptions_patient ON prescriptions (patient_id, prescription_id);
        """
    )
