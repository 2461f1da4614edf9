"""What has expired of a log before it was read, until that is settled; and how far state has been told again."""

from alembic import op

from infirmary.postgres.migration_steps import make

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Adds a table, and two columns: their lock is had between two batches of the log's reader, for a moment."""
    make(
        """
        -- How far the state of the service's aggregates has been told again, while that is under way.
        CREATE TABLE republish (
            kind       text PRIMARY KEY,
            began_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
            told_to    text,
            aggregates bigint NOT NULL DEFAULT 0,
            messages   bigint NOT NULL DEFAULT 0,
            done       boolean NOT NULL DEFAULT false
        );
        """
    )
    op.execute(
        "ALTER TABLE log_reader ADD COLUMN IF NOT EXISTS lost_messages bigint,"
        " ADD COLUMN IF NOT EXISTS lost_before timestamptz"
    )
