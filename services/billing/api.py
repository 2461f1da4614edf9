"""The HTTP interface of billing."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from infirmary.http.api import Afterwards, Api
from infirmary.http.fields import SOME_ID, Id, Input, Money, shown
from infirmary.http.pages import NEWEST, Page, PageQuery, page
from infirmary.postgres.transaction import Query, Transaction
from services.billing import model, store
from services.billing.messages import EntryKind

api = Api("billing", about="patient_id")


class PatientPath(BaseModel):
    """The path of something that belongs to a patient."""

    patient_id: Annotated[Id, Field(description="whose"), shown(SOME_ID)]


class Hold(Input):
    """Whether an account is held."""

    held: Annotated[bool, Field(strict=True), shown(True)]


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
    balance: Annotated[Money, Field(description="the sum of all entries that are priced and not voided")]
    entries: Annotated[list[EntryView], Field(description=f"the newest {NEWEST}, the oldest of them first")]
    entries_total: Annotated[int, Field(description="how many there are; /accounts/ID/entries lists them all")]


@api.endpoint("GET", "/accounts/<patient_id>", AccountView, scope="accounts:read")
def get_account(path: PatientPath, db: Query) -> AccountView:
    """Get a patient's account. Every patient has one, at first empty."""
    return AccountView.model_validate(store.statement(db, path.patient_id, NEWEST), from_attributes=True)


@api.endpoint("GET", "/accounts/<patient_id>/entries", Page[EntryView], scope="accounts:read")
def list_entries(path: PatientPath, query: PageQuery, db: Query) -> Page[EntryView]:
    """List all entries of a patient's account, oldest first."""
    entries = store.entries_of(db, path.patient_id, query.after(), query.limit + 1)
    views = [EntryView.model_validate(entry, from_attributes=True) for entry in entries]
    return page(views, query.limit, lambda view: view.entry_id)


@api.endpoint("PUT", "/accounts/<patient_id>/hold", AccountView, scope="accounts:hold")
def hold_account(path: PatientPath, body: Hold, tx: Transaction) -> Afterwards:
    """Hold an account, or let it go on.

    A held account refuses to be charged for dispensings and admissions, and nothing else.
    """
    decision = model.hold(store.lock_account(tx, path.patient_id), body.held)
    if decision is not None:
        account, event = decision
        store.save_account(tx, account)
        tx.publish(event)
    return Afterwards(lambda db: get_account(path, db))
