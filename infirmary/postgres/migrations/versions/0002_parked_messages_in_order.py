"""How parked messages are found: those that are due, and those that have failed least."""

from infirmary.postgres.migration_steps import make

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the indexes. The table is empty but for what is wrong, so that nobody waits for them for long."""
    make(
        """
        CREATE INDEX parked_message_due ON parked_message (channel, retry_at);
        CREATE INDEX parked_message_failed_least ON parked_message (channel, attempts, retry_at);
        """
    )
