"""The statements of billing: everything that touches its own tables.

The account's row is the lock of all entries of its patient: whoever changes an entry holds it.
"""

from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects import postgresql

from infirmary.postgres.statements import compiled, fields_of, given, is_given, json_rows, values_of
from infirmary.postgres.transaction import Query, Transaction
from services.billing.messages import EntryKind
from services.billing.model import Account, Entry
from services.billing.tables import accounts, entries


class Statement(BaseModel):
    """An account as of one moment, and its newest entries."""

    patient_id: UUID
    held: bool = False
    balance: Decimal = Decimal("0.00")
    entries: list[Entry] = []
    entries_total: int = 0


_IS_OF_ACCOUNT = entries.c.patient_id == accounts.c.patient_id
_TOTAL = sa.select(sa.func.count()).where(_IS_OF_ACCOUNT).correlate(accounts).scalar_subquery()
# A number of JSON would come back as a float; a text keeps all its digits.
_NEWEST = json_rows(
    sa.select(*fields_of(Entry, entries, amount=sa.cast(entries.c.amount, sa.Text)))
    .where(_IS_OF_ACCOUNT)
    .order_by(entries.c.entry_id.desc())
    .limit(sa.bindparam("newest"))
    .correlate(accounts),
    order_by="entry_id",
)
_STATEMENT = compiled(
    sa.select(*fields_of(Statement, accounts, entries=_NEWEST, entries_total=_TOTAL)).where(
        is_given(accounts.c.patient_id)
    )
)

_OPEN_ACCOUNT = compiled(
    postgresql.insert(accounts)
    .values(held=False, balance=0, version=0, **given(accounts.c.patient_id))
    .on_conflict_do_nothing(index_elements=[accounts.c.patient_id])
)
_LOCK_ACCOUNT = compiled(
    sa.select(*fields_of(Account, accounts)).where(is_given(accounts.c.patient_id)).with_for_update()
)
_SAVE_ACCOUNT = compiled(
    sa.update(accounts)
    .where(is_given(accounts.c.patient_id))
    .values(given(accounts.c.held, accounts.c.balance, accounts.c.version))
)

_ENTRY = fields_of(Entry, entries)
_ENTRIES = sa.select(*_ENTRY)
_NEXT_ENTRIES = compiled(
    _ENTRIES.where(is_given(entries.c.patient_id), entries.c.entry_id > sa.bindparam("after"))
    .order_by(entries.c.entry_id)
    .limit(sa.bindparam("rows"))
)
_FIND_ENTRY = compiled(_ENTRIES.where(is_given(entries.c.kind), is_given(entries.c.reference_id)))
_SAVED = postgresql.insert(entries).values(given(*_ENTRY))
_SAVE_ENTRY = compiled(
    _SAVED.on_conflict_do_update(
        index_elements=[entries.c.entry_id],
        set_={"amount": _SAVED.excluded.amount, "status": _SAVED.excluded.status},
    )
)


def statement(db: Query, patient_id: UUID, newest: int) -> Statement:
    """Returns a patient's account, empty while nothing was heard of the patient, as of one moment.

    Args:
        db: The database.
        patient_id: Whose.
        newest: How many entries; the oldest of them comes first.
    """
    found = db.one(Statement, _STATEMENT, patient_id=patient_id, newest=newest)
    return found or Statement(patient_id=patient_id)


def lock_account(tx: Transaction, patient_id: UUID) -> Account:
    """Returns a patient's account, new if need be, which nobody else can change until the transaction ends."""
    tx.execute(_OPEN_ACCOUNT, patient_id=patient_id)
    return tx.one(Account, _LOCK_ACCOUNT, patient_id=patient_id) or Account(patient_id)


def save_account(tx: Transaction, account: Account) -> None:
    """Saves what may change about an account."""
    tx.execute(_SAVE_ACCOUNT, **values_of(account))


def entries_of(db: Query, patient_id: UUID, after: UUID, rows: int) -> list[Entry]:
    """Returns the next entries of a patient, oldest first."""
    return db.many(Entry, _NEXT_ENTRIES, patient_id=patient_id, after=after, rows=rows)


def find_entry(tx: Transaction, kind: EntryKind, reference_id: UUID) -> Entry | None:
    """Returns the entry of a prescription or an admission; the caller holds the patient's account."""
    return tx.one(Entry, _FIND_ENTRY, kind=kind, reference_id=reference_id)


def save_entry(tx: Transaction, entry: Entry) -> None:
    """Saves an entry, new or known."""
    tx.execute(_SAVE_ENTRY, **values_of(entry))
