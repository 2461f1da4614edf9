"""Who was erased, and since when a record need not be kept any more."""

from alembic import op

from infirmary.postgres.migration_steps import make

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds a column and a table.

    When a patient of before was sent home for the last time is not known. So the law's time begins for them now: too
    late rather than too early. The default serves the releases that know nothing of the column.
    """
    op.execute("ALTER TABLE patients ADD COLUMN IF NOT EXISTS last_contact_at timestamptz NOT NULL DEFAULT now()")
    make(
        """
        CREATE TABLE erasures (
            patient_id uuid PRIMARY KEY,
            erasure_id uuid NOT NULL
        );
        """
    )
