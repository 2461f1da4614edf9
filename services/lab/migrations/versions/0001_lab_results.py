"""Lab results, and the snapshots of patients."""

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

        CREATE TABLE lab_results (
            lab_result_id uuid PRIMARY KEY,
            patient_id    uuid NOT NULL,
            test          text NOT NULL,
            value         text NOT NULL,
            unit          text NOT NULL,
            critical      boolean NOT NULL,
            at            timestamptz NOT NULL
        );
        CREATE INDEX lab_results_of_patient ON lab_results (patient_id, lab_result_id);
        """
    )
