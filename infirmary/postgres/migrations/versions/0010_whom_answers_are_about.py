"""Whom an answer that is kept is about, so that it is found when the person is erased."""

from alembic import op

from infirmary.postgres.migration_steps import index

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Adds a column, null where nobody says whom an answer is about, and an index of the others beside the work."""
    op.execute("ALTER TABLE idempotency_key ADD COLUMN IF NOT EXISTS about uuid")
    index("idempotency_key_about", "idempotency_key (about) WHERE about IS NOT NULL")
