"""What may happen to an account and its entries. Pure: values in, values out.

An entry ends up the same whichever of its causes comes first: a price opens it, and one that was voided before it was
opened stays voided. So every function takes the entry as it is, `unopened` where there is none yet.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from infirmary.handlers import Refused
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

EntryStatus = Literal["unopened", "open", "posted", "voided"]
"""`unopened` is never stored."""

CREDIT_HOLD = Refused("credit hold")


@dataclass(frozen=True, slots=True)
class Account:
    """A patient's account.

    Attributes:
        held: Whether nothing more may be charged.
        balance: The sum of the entries that are priced and not voided.
        version: How many changes of entries there have been.
    """

    patient_id: UUID
    held: bool = False
    balance: Decimal = Decimal("0.00")
    version: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """What a patient owes for one prescription or one admission.

    Attributes:
        reference_id: The prescription's or the admission's id.
        amount: None until the price is known.
        at: When it was first heard of.
    """

    entry_id: UUID
    patient_id: UUID
    kind: EntryKind
    reference_id: UUID
    amount: Decimal | None
    status: EntryStatus
    at: datetime


BillingEvent = (
    BillingEntryCreated
    | BillingEntryPriced
    | BillingEntryPosted
    | BillingEntryVoided
    | AdmissionBilled
    | AdmissionBillingVoided
)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be saved and published."""

    account: Account
    entry: Entry
    event: BillingEvent


def owed(entry: Entry) -> Decimal:
    """Returns what an entry adds to the balance."""
    return Decimal("0.00") if entry.amount is None or entry.status == "voided" else entry.amount


def hold(account: Account, held: bool) -> tuple[Account, AccountHeld] | None:
    """Holds an account or lets it go on; None when it is so already."""
    if account.held == held:
        return None
    return replace(account, held=held), AccountHeld(patient_id=account.patient_id, held=held)


def open_entry(account: Account, entry: Entry) -> Change | None:
    """Opens a prescription's entry, unless it was heard of before."""
    if entry.status != "unopened":
        return None
    return _change(account, entry, replace(entry, status="open"), BillingEntryCreated)


def price(account: Account, entry: Entry, amount: Decimal) -> Change | None:
    """Gives an entry its amount, once; one that was not opened yet is opened, a voided one stays as it is."""
    if entry.status == "voided" or entry.amount is not None:
        return None
    if entry.status == "unopened":
        return _change(account, entry, replace(entry, status="open", amount=amount), BillingEntryCreated)
    return _change(account, entry, replace(entry, amount=amount), BillingEntryPriced)


def void(account: Account, entry: Entry) -> Change | None:
    """Ends an entry for ever, also before it was opened."""
    if entry.status == "voided":
        return None
    return _change(account, entry, replace(entry, status="voided"), BillingEntryVoided)


def charge(account: Account, entry: Entry) -> Change | Refused | None:
    """Posts the entry of a prescription that is handed out; a price that comes later is added then.

    The command may come before the event that opens the entry: the pharmacy does not wait for the books.
    """
    if entry.status == "posted":
        return None
    if account.held:
        return CREDIT_HOLD
    if entry.status == "voided":
        return Refused("the prescription's billing entry is voided")
    return _change(account, entry, replace(entry, status="posted"), BillingEntryPosted)


def undo_charge(account: Account, entry: Entry) -> Change | None:
    """Opens a posted entry again; its price, if it is known, stays."""
    if entry.status != "posted":
        return None
    told = BillingEntryCreated if entry.amount is None else BillingEntryPriced
    return _change(account, entry, replace(entry, status="open"), told)


def bill_admission(account: Account, entry: Entry, fee: Decimal) -> Change | Refused | None:
    """Charges an admission's fee, once."""
    if entry.status == "posted":
        return None
    if entry.status == "voided":
        return Refused("the admission's billing entry is voided")
    if account.held:
        return CREDIT_HOLD
    return _change(account, entry, replace(entry, status="posted", amount=fee), AdmissionBilled)


def void_admission(account: Account, entry: Entry) -> Change | None:
    """Takes an admission's fee back, if it was charged."""
    if entry.status != "posted":
        return None
    return _change(account, entry, replace(entry, status="voided"), AdmissionBillingVoided)


def moved(account: Account, before: Entry, after: Entry, version: int) -> Account:
    """Returns an account after one of its entries has changed."""
    return replace(account, balance=account.balance - owed(before) + owed(after), version=version)


def _change(account: Account, before: Entry, after: Entry, told: type[BillingEvent]) -> Change:
    """Returns the account and the entry after a change, and the event that tells of it."""
    changed = moved(account, before, after, account.version + 1)
    # Each event takes the fields that it declares and leaves the others.
    event = told.model_validate(
        {
            "entry_id": after.entry_id,
            "patient_id": after.patient_id,
            "kind": after.kind,
            "reference_id": after.reference_id,
            "admission_id": after.reference_id,
            "amount": None if after.amount is None else _money(after.amount),
            "balance": _money(changed.balance),
            "account_version": changed.version,
            "at": after.at,
        }
    )
    return Change(changed, after, event)


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}"
