"""The tables of billing."""

import sqlalchemy as sa

from infirmary.postgres.statements import new_metadata

metadata = new_metadata()


class AccountColumns(sa.TypedColumns):
    """A patient's account.

    Its row is the lock of all the patient's entries. The balance is kept here, not summed up by the statement that
    takes the lock: having waited, it sees this row as it is now, but entries as they were when it began.
    """

    patient_id = sa.Column(sa.Uuid(), primary_key=True)
    held = sa.Column(sa.Boolean, nullable=False)
    balance = sa.Column(sa.Numeric(26, 2), nullable=False)
    version = sa.Column(sa.BigInteger, nullable=False)


class EntryColumns(sa.TypedColumns):
    """What a patient owes for one prescription or one admission.

    A million boxes at the highest price do not fit in the numeric(12, 2) of a price.
    """

    entry_id = sa.Column(sa.Uuid(), primary_key=True)
    patient_id = sa.Column(sa.Uuid(), sa.ForeignKey("accounts.patient_id"), nullable=False)
    kind = sa.Column(sa.Text, nullable=False)
    reference_id = sa.Column(sa.Uuid(), nullable=False)
    amount = sa.Column(sa.Numeric(20, 2))
    status = sa.Column(sa.Text, nullable=False)
    at = sa.Column(sa.TIMESTAMP(timezone=True), nullable=False)


accounts = sa.Table(
    "accounts",
    metadata,
    AccountColumns,
    sa.CheckConstraint("balance BETWEEN 0 AND 999999999999999999999999.99", "balance"),
    sa.CheckConstraint("version >= 0", "version"),
    postgresql_with={"fillfactor": 80},
)

entries = sa.Table(
    "entries",
    metadata,
    EntryColumns,
    sa.UniqueConstraint("kind", "reference_id"),
    sa.CheckConstraint("kind IN ('prescription', 'admission')", sa.schema.conv("entries_kind_check")),
    sa.CheckConstraint("amount BETWEEN 0 AND 999999999999999999.99", "amount"),
    sa.CheckConstraint("status IN ('open', 'posted', 'voided')", sa.schema.conv("entries_status_check")),
    sa.CheckConstraint("isfinite(at)", "at"),
    postgresql_with={"fillfactor": 80},
)

sa.Index("entries_patient", entries.c.patient_id, entries.c.entry_id)
