"""The SQL of billing: everything that touches its own tables.

The account's row is the lock of all entries of its patient: whoever changes an entry holds it.
"""

from decimal import Decimal
from uuid import UUID

from pydantic import BaseModel

from infirmary.postgres.transaction import Query, Transaction
from services.billing.messages import EntryKind
from services.billing.model import Account, Entry


class Statement(BaseModel):
    """An account as of one moment, and its newest entries."""

    patient_id: UUID
    held: bool = False
    balance: Decimal = Decimal("0.00")
    entries: list[Entry] = []
    entries_total: int = 0


def statement(db: Query, patient_id: UUID, newest: int) -> Statement:
    """Returns a patient's account, empty while nothing was heard of the patient, as of one moment.

    Args:
        db: The database.
        patient_id: Whose.
        newest: How many entries; the oldest of them comes first.
    """
    found = db.one(
        Statement,
        """SELECT patient_id, held, balance,
                  (SELECT count(*) FROM entries e WHERE e.patient_id = a.patient_id) AS entries_total,
                  ARRAY(SELECT to_jsonb(e) || jsonb_build_object('amount', e.amount::text)
                        FROM (SELECT * FROM entries e WHERE e.patient_id = a.patient_id
                              ORDER BY entry_id DESC LIMIT %(newest)s) e ORDER BY entry_id) AS entries
           FROM accounts a WHERE patient_id = %(patient_id)s""",
        patient_id=patient_id,
        newest=newest,
    )
    return found or Statement(patient_id=patient_id)


def lock_account(tx: Transaction, patient_id: UUID) -> Account:
    """Returns a patient's account, new if need be, which nobody else can change until the transaction ends."""
    tx.execute(
        """INSERT INTO accounts (patient_id, held, balance, version) VALUES (%(patient_id)s, false, 0, 0)
           ON CONFLICT (patient_id) DO NOTHING""",
        patient_id=patient_id,
    )
    account = tx.one(
        Account,
        """SELECT patient_id, held, balance, version FROM accounts
           WHERE patient_id = %(patient_id)s FOR UPDATE""",
        patient_id=patient_id,
    )
    return account or Account(patient_id)


def save_account(tx: Transaction, account: Account) -> None:
    """Saves what may change about an account."""
    tx.execute(
        """UPDATE accounts SET held = %(held)s, balance = %(balance)s, version = %(version)s
           WHERE patient_id = %(patient_id)s""",
        patient_id=account.patient_id,
        held=account.held,
        balance=account.balance,
        version=account.version,
    )


def entries_of(db: Query, patient_id: UUID, after: UUID, rows: int) -> list[Entry]:
    """Returns the next entries of a patient, oldest first."""
    return db.many(
        Entry,
        """SELECT entry_id, patient_id, kind, reference_id, amount, status, at FROM entries
           WHERE patient_id = %(patient_id)s AND entry_id > %(after)s ORDER BY entry_id LIMIT %(rows)s""",
        patient_id=patient_id,
        after=after,
        rows=rows,
    )


def find_entry(tx: Transaction, kind: EntryKind, reference_id: UUID) -> Entry | None:
    """Returns the entry of a prescription or an admission; the caller holds the patient's account."""
    return tx.one(
        Entry,
        """SELECT entry_id, patient_id, kind, reference_id, amount, status, at FROM entries
           WHERE kind = %(entry_kind)s AND reference_id = %(reference_id)s""",
        entry_kind=kind,
        reference_id=reference_id,
    )


def save_entry(tx: Transaction, entry: Entry) -> None:
    """Saves an entry, new or known."""
    tx.execute(
        """INSERT INTO entries (entry_id, patient_id, kind, reference_id, amount, status, at)
           VALUES (%(entry_id)s, %(patient_id)s, %(kind)s, %(reference_id)s, %(amount)s, %(status)s, %(at)s)
           ON CONFLICT (entry_id) DO UPDATE SET amount = excluded.amount, status = excluded.status""",
        entry_id=entry.entry_id,
        patient_id=entry.patient_id,
        kind=entry.kind,
        reference_id=entry.reference_id,
        amount=entry.amount,
        status=entry.status,
        at=entry.at,
    )
