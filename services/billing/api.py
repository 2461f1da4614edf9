"""The HTTP interface of billing."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.billing import model, store
from services.billing.messages import EntryKind
from services.billing.model import Account, Entry
from services.chassis.http.api import Api
from services.chassis.http.fields import Input, Money, PatientPath
from services.chassis.transaction import Query, Transaction

api = Api("billing")


class Hold(Input):
    """Whether an account is held."""

    held: Annotated[bool, Field(strict=True)]


class EntryView(BaseModel):
    """What a patient owes for one prescription or one admission."""

    entry_id: UUID
    kind: EntryKind
    reference_id: Annotated[UUID, Field(description="the prescription's or the admission's id")]
    amount: Annotated[Money | None, Field(description="null until the price is known")]
    status: Literal["open", "posted", "voided"]
    at: datetime


class AccountView(BaseModel):
    """An account as the outside sees one."""

    patient_id: UUID
    held: bool
    balance: Annotated[Money, Field(description="the sum of the entries that are priced and not voided")]
    entries: list[EntryView]


@api.endpoint("GET", "/accounts/<patient_id>", AccountView)
def get_account(path: PatientPath, db: Query) -> AccountView:
    """Get a patient's account. Every patient has one, at first empty."""
    account = store.find_account(db, path.patient_id) or Account(path.patient_id)
    return _view(account, store.entries_of(db, path.patient_id))


@api.endpoint("PUT", "/accounts/<patient_id>/hold", AccountView)
def hold_account(path: PatientPath, body: Hold, tx: Transaction) -> AccountView:
    """Hold an account, or let it go on.

    A held account refuses to be charged for dispensings and admissions, and nothing else.
    """
    account = replace(store.lock_account(tx, path.patient_id), held=body.held)
    store.save_account(tx, account)
    return _view(account, store.entries_of(tx, path.patient_id))


def _view(account: Account, entries: list[Entry]) -> AccountView:
    """Adds the balance up from the entries shown: they were read a moment after the account, and must agree with it."""
    return AccountView(
        patient_id=account.patient_id,
        held=account.held,
        balance=model.total(entries),
        entries=[EntryView.model_validate(asdict(entry)) for entry in entries],
    )
