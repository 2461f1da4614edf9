"""Accounts, and their entries."""

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    op.execute(
        """
        -- Its row is the lock of all the patient's entries. The balance is kept here, not summed up by the statement
        -- that takes the lock: having waited, it sees this row as it is now, but entries as they were when it began.
        CREATE TABLE accounts (
            patient_id uuid PRIMARY KEY,
            held       boolean NOT NULL,
            balance    numeric(26, 2) NOT NULL,
            version    bigint NOT NULL
        ) WITH (fillfactor = 80);

        -- A million boxes at the highest price do not fit in the numeric(12, 2) of a price.
        CREATE TABLE entries (
            entry_id     uuid PRIMARY KEY,
            patient_id   uuid NOT NULL REFERENCES accounts,
            kind         text NOT NULL CHECK (kind IN ('prescription', 'admission')),
            reference_id uuid NOT NULL,
            amount       numeric(20, 2),
            status       text NOT NULL CHECK (status IN ('open', 'posted', 'voided')),
            at           timestamptz NOT NULL,
            UNIQUE (kind, reference_id)
        ) WITH (fillfactor = 80);
        CREATE INDEX entries_patient ON entries (patient_id, entry_id);
        """
    )
