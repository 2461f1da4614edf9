"""Which logs the service writes: since commands travel in logs, a service has several."""

from infirmary.postgres.migration_steps import make

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Makes the table, which each migration of a service fills anew."""
    make(
        """
        -- The logs that the service writes, for the relay to declare before the first message comes.
        CREATE TABLE outbox_log (
            log text PRIMARY KEY
        );
        """
    )
