"""Lab results, and the snapshots of patients."""

from alembic import op

from infirmary.snapshots import CREATE_PATIENT_SNAPSHOT

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    op.execute(CREATE_PATIENT_SNAPSHOT)
    op.execute(
        """
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
