"""The SQL of billing: everything that touches its own tables.

The account's row is the lock of all entries of its patient: whoever changes an entry holds it.
"""

from uuid import UUID

from services.billing.messages import EntryKind
from services.billing.model import Account, Entry
from services.chassis.transaction import Query, Transaction


def find_account(db: Query, patient_id: UUID) -> Account | None:
    """Returns a patient's account as of now, or None while there is nothing in it."""
    return db.one(
        Account,
        "SELECT patient_id, held, balance, version FROM accounts WHERE patient_id = %(patient_id)s",
        patient_id=patient_id,
    )


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


def entries_of(db: Query, patient_id: UUID) -> list[Entry]:
    """Returns all entries of a patient, the oldest first."""
    return db.many(
        Entry,
        """SELECT entry_id, patient_id, kind, reference_id, amount, status, at FROM entries
           WHERE patient_id = %(patient_id)s ORDER BY entry_id""",
        patient_id=patient_id,
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
