"""Which message was the last of a subject: so a number that was given out twice is told from an old one."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Adds columns; the lock on the table is had between two batches of its readers, and held for a moment."""
    op.execute(
        """ALTER TABLE log_sequence ADD COLUMN IF NOT EXISTS identified bigint,
                                    ADD COLUMN IF NOT EXISTS last_message_id uuid,
                                    ADD COLUMN IF NOT EXISTS applied_at timestamptz"""
    )
