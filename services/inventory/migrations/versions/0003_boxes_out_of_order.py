"""A restore moves boxes in the order of the log, in which a dispensing may stand before its delivery."""

from alembic import op

from infirmary.postgres.migration_steps import limit

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Lets the boxes on hand be below nought; who dispenses looks for himself whether there are enough."""
    limit("medications", on_hand="on_hand BETWEEN -1000000000000000 AND 1000000000000000")
    op.execute("ALTER TABLE medications DROP CONSTRAINT IF EXISTS medications_on_hand_check")
