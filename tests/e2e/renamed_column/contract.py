"""The old column goes, when no old code runs any more."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Leaves only the new column."""
    op.execute(
        """
        DROP TRIGGER keep_names_alike ON patients;
        DROP FUNCTION keep_names_alike();
        ALTER TABLE patients DROP COLUMN full_name;
        ALTER TABLE patients ALTER COLUMN legal_name SET NOT NULL;
        """
    )
