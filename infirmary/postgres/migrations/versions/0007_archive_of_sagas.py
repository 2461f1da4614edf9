"""What is over and kept for the record, by weeks, so that it can be dropped without a trace."""

from infirmary.postgres.migration_steps import make

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Makes the archives; their weeks are made by who fills them, the service's consumer."""
    make(
        """
        -- Sagas that ended a while ago, each with its whole history; a partition for each week of their beginning.
        CREATE TABLE saga_archive (
            saga_id        uuid PRIMARY KEY,
            name           text NOT NULL,
            status         text NOT NULL,
            state          jsonb NOT NULL,
            data           jsonb NOT NULL,
            correlation_id text NOT NULL,
            traceparent    text NOT NULL,
            started_at     timestamptz NOT NULL,
            version        integer NOT NULL,
            history        jsonb NOT NULL
        ) PARTITION BY RANGE (saga_id);

        -- What this service answered to sagas that began a while ago; a partition for each week of their beginning.
        CREATE TABLE saga_outcome_archive (
            saga_id     uuid NOT NULL,
            step        text NOT NULL,
            outcome     text NOT NULL,
            reason      text,
            recorded_at timestamptz NOT NULL,
            PRIMARY KEY (saga_id, step)
        ) PARTITION BY RANGE (saga_id);
        """
    )
