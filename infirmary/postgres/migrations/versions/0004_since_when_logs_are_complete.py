"""Since when nothing of a log was lost to its reader: what began later is waited for from its first message on."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Adds a column; the lock on the table is had between two batches of its readers, and held for a moment."""
    op.execute("ALTER TABLE log_reader ADD COLUMN IF NOT EXISTS complete_since timestamptz")
