"""How billing makes its accounts again from what it has told of them.

What is told of one entry comes in its order; of the entries of one account, in any. So an entry becomes what is told of
it, and the account is moved by the difference that this makes. The balance that the event says is not taken over: it
counts entries whose events may be still to come, or were lost with the database before they could be sent.
"""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from infirmary.postgres.transaction import Transaction
from infirmary.restoring.declaration import Restoring, said_at
from services.billing import store
from services.billing.messages import (
    AccountHeld,
    AdmissionBilled,
    AdmissionBillingVoided,
    BillingEntryCreated,
    BillingEntryPosted,
    BillingEntryPriced,
    BillingEntryVoided,
    EntryKind,
)
from services.billing.model import Account, BillingEvent, Entry, moved

restoring = Restoring("billing")


@restoring.of(AccountHeld)
def hold(event: AccountHeld, tx: Transaction) -> None:
    """Holds the account, or lets it go on."""
    store.save_account(tx, replace(store.lock_account(tx, event.patient_id), held=event.held))


@restoring.of(
    BillingEntryCreated,
    BillingEntryPriced,
    BillingEntryPosted,
    BillingEntryVoided,
    AdmissionBilled,
    AdmissionBillingVoided,
)
def change_entry(event: BillingEvent, tx: Transaction) -> None:
    """Makes the entry what is told of it, and moves the balance with it."""
    account, (kind, reference_id) = store.lock_account(tx, event.patient_id), _stands_for(event)
    at = event.at or said_at(tx)
    unopened = Entry(event.entry_id, event.patient_id, kind, reference_id, amount=None, status="unopened", at=at)
    account, entry = account_and_entry_after(account, store.find_entry(tx, kind, reference_id) or unopened, event)
    store.save_account(tx, account)
    store.save_entry(tx, entry)


def account_and_entry_after(account: Account, before: Entry, event: BillingEvent) -> tuple[Account, Entry]:
    """Returns what has become of an account and an entry of it by the next event that is told of the entry."""
    after = _entry_after(before, event)
    # Not one more than before: the numbers up to the highest that was told must not be given out again.
    return moved(account, before, after, max(account.version, event.account_version)), after


def _entry_after(before: Entry, event: BillingEvent) -> Entry:
    match event:
        case BillingEntryCreated():
            return replace(before, status="open", amount=_amount(event))
        case BillingEntryPriced() if before.amount is None:  # a price neither posts nor opens what it is for
            return replace(before, amount=_amount(event))
        case BillingEntryPriced():  # it was priced and posted, and is open again
            return replace(before, status="open")
        case BillingEntryPosted():
            return replace(before, status="posted")
        case AdmissionBilled():
            return replace(before, status="posted", amount=_amount(event))
        case BillingEntryVoided() | AdmissionBillingVoided():
            return replace(before, status="voided")


def _amount(event: BillingEntryCreated | BillingEntryPriced | AdmissionBilled) -> Decimal | None:
    return None if event.amount is None else Decimal(event.amount)


def _stands_for(event: BillingEvent) -> tuple[EntryKind, UUID]:
    """Returns the kind of an entry, and the prescription or admission that it is for."""
    if isinstance(event, AdmissionBilled | AdmissionBillingVoided):
        return "admission", event.admission_id
    return event.kind, event.reference_id
