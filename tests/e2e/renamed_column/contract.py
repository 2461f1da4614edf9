"""The old column goes, when no old code runs any more."""

from alembic import op

from infirmary.postgres.migration_steps import limit

revision = "NEXT"
down_revision = "NEWEST"


def upgrade() -> None:
    """Leaves only the new column, with the limit that the old one had."""
    op.execute(
        """
        DROP TRIGGER keep_names_alike ON patients;
        DROP FUNCTION keep_names_alike();
        ALTER TABLE patients DROP COLUMN full_name;
        ALTER TABLE patients ALTER COLUMN legal_name SET NOT NULL;
        """
    )
    limit("patients", legal_name="length(legal_name) BETWEEN 1 AND 200")
