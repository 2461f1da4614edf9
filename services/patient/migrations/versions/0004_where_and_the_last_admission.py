"""Where the admission in force has led, and which was the last one that is over: what is told again of a patient."""

from alembic import op

from infirmary.postgres.migration_steps import limit

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds two columns, null for what happened before."""
    op.execute(
        "ALTER TABLE patients ADD COLUMN IF NOT EXISTS ward_id text, ADD COLUMN IF NOT EXISTS last_admission_id uuid"
    )
    limit("patients", ward_id="length(ward_id) BETWEEN 1 AND 64")
