"""What a restore keeps: how far it has gone through the service's own logs, and which messages it found answered."""

from infirmary.postgres.migration_steps import make

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Makes two tables, which are empty unless the database was restored from a backup."""
    make(
        """
        -- How far a restore has gone through the service's own logs, and what it has found; empty when there is none.
        CREATE TABLE restore_progress (
            log         text PRIMARY KEY,
            next_offset bigint NOT NULL,
            found       jsonb NOT NULL
        );

        -- Messages whose effects a restore has made again: the consumer, which reads on from the backup's place, passes
        -- over them. Forgotten when no log has them any more.
        CREATE TABLE answered (
            message_id uuid PRIMARY KEY,
            noted_at   timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        """
    )
