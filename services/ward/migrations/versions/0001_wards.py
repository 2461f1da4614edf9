"""Wards, and who holds their beds."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    op.execute(
        """
        CREATE TABLE wards (
            ward_id text PRIMARY KEY,
            name    text NOT NULL,
            beds    integer NOT NULL CHECK (beds >= 0)
        ) WITH (fillfactor = 80);

        -- One row per bed that is held; an admission holds one at the most.
        CREATE TABLE reservations (
            admission_id uuid PRIMARY KEY,
            patient_id   uuid NOT NULL,
            ward_id      text NOT NULL REFERENCES wards,
            reserved_at  timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        CREATE INDEX reservations_ward ON reservations (ward_id);
        """
    )
