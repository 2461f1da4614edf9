"""Medications with their stock, and reservations."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    op.execute(
        """
        CREATE TABLE medications (
            code       text PRIMARY KEY,
            name       text NOT NULL,
            unit_price numeric(12, 2) NOT NULL CHECK (unit_price >= 0),
            on_hand    bigint NOT NULL CHECK (on_hand >= 0),
            -- May be above on_hand: a stocktake finds what it finds.
            reserved   bigint NOT NULL CHECK (reserved >= 0)
        ) WITH (fillfactor = 80);

        -- No foreign key to medications: a prescription may name one that nobody knows, and is rejected.
        CREATE TABLE reservations (
            prescription_id uuid PRIMARY KEY,
            patient_id      uuid NOT NULL,
            medication_code text NOT NULL,
            quantity        bigint NOT NULL,
            status          text NOT NULL
                CHECK (status IN ('new', 'reserved', 'rejected', 'released', 'dispensed', 'cancelled'))
        ) WITH (fillfactor = 80);
        """
    )
