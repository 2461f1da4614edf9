"""How billing tells its entries and the holds of accounts again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa

from infirmary.messages import Event
from infirmary.postgres.republishing import Rows
from infirmary.postgres.statements import fields_of
from infirmary.republishing.declaration import Republishing
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
from services.billing.model import Account, EntryStatus
from services.billing.tables import accounts, entries

republishing = Republishing("billing")


@dataclass(frozen=True, slots=True)
class EntryOfAccount:
    """An entry, and how its account stands now."""

    entry_id: UUID
    patient_id: UUID
    kind: EntryKind
    reference_id: UUID
    amount: Decimal | None
    status: EntryStatus
    at: datetime
    balance: Decimal
    account_version: int


_ENTRIES = sa.select(
    *fields_of(EntryOfAccount, entries, balance=accounts.c.balance, account_version=accounts.c.version)
).join_from(entries, accounts, entries.c.patient_id == accounts.c.patient_id)


@republishing.of("accounts", Rows(Account, sa.select(*fields_of(Account, accounts)), accounts.c.patient_id))
def tell_account(account: Account) -> Iterator[Event]:
    """Tells whether an account is held, if that was ever told; its balance is told with its entries."""
    yield AccountHeld(patient_id=account.patient_id, held=account.held)


@republishing.of("entries", Rows(EntryOfAccount, _ENTRIES, entries.c.entry_id))
def tell_entry(entry: EntryOfAccount) -> Iterator[Event]:
    """Tells how an entry is, beside the present balance of its account."""
    of_it = {
        "entry_id": entry.entry_id,
        "patient_id": entry.patient_id,
        "balance": f"{entry.balance:.2f}",
        "account_version": entry.account_version,
        "at": entry.at,
    }
    amount = None if entry.amount is None else f"{entry.amount:.2f}"
    if entry.kind == "admission":
        of_it |= {"admission_id": entry.reference_id}
        if entry.status == "voided":
            yield AdmissionBillingVoided(**of_it)
        else:
            yield AdmissionBilled(**of_it, amount=amount)
        return
    of_it |= {"kind": entry.kind, "reference_id": entry.reference_id}
    if entry.status == "voided":
        yield BillingEntryVoided(**of_it)
    elif entry.status == "posted":
        yield BillingEntryPosted(**of_it)
    elif amount is None:
        yield BillingEntryCreated(**of_it, amount=None)
    else:
        yield BillingEntryPriced(**of_it, amount=amount)
