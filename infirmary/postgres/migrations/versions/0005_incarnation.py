"""Which life of the database this is, and whether it was set back: the mark keeps everybody from going on."""

from alembic import op

from infirmary.postgres.migration_steps import make

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Makes the table with its one row; a backup brings that row back as it was."""
    make(
        """
        -- One row: which life of this database this is, and whether it was set back to an earlier moment.
        CREATE TABLE incarnation (
            one              boolean PRIMARY KEY DEFAULT true CHECK (one),
            id               uuid NOT NULL DEFAULT gen_random_uuid(),
            set_back_since   timestamptz,
            set_back_because text,
            restored_at      timestamptz
        );
        """
    )
    op.execute("INSERT INTO incarnation DEFAULT VALUES ON CONFLICT DO NOTHING")
