"""Which subjects have ended, so that their last numbers are forgotten when no log holds a message of them any more."""

from alembic import op

from infirmary.postgres.migration_steps import make

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Adds a table, and a column: its lock is had between two batches of the log's reader, for a moment."""
    make(
        """
        -- The subjects whose last message was written (source: the log) or applied (source: its writer).
        CREATE TABLE ended_subject (
            source   text NOT NULL,
            subject  text NOT NULL,
            last     bigint NOT NULL,
            ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            PRIMARY KEY (source, subject)
        );
        CREATE INDEX ended_subject_ended_at ON ended_subject (source, ended_at);
        """
    )
    op.execute("ALTER TABLE log_reader ADD COLUMN IF NOT EXISTS forgotten_before timestamptz")
