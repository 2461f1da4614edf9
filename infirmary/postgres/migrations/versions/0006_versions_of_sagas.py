"""By which version of its declaration a saga goes: the one that it began with."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds a column. Sagas that releases before have begun, or begin beside this one, go by version 1."""
    op.execute("ALTER TABLE saga ADD COLUMN IF NOT EXISTS version integer NOT NULL DEFAULT 1")
