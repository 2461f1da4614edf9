"""The HTTP interface of ward."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from infirmary.handlers import Refused
from infirmary.http.api import Afterwards, Api
from infirmary.http.fields import WHOLE, Input, Name, shown
from infirmary.http.pages import NEWEST, Page, PageQuery, page
from infirmary.http.problems import conflict, not_found
from infirmary.identifiers import ClientCode
from infirmary.postgres.transaction import Query, Transaction
from services.ward import model, store

api = Api("ward", about="patient_id")


class WardPath(BaseModel):
    """The path of a ward."""

    ward_id: Annotated[
        ClientCode, Field(description="which ward, by the name that its client chose"), shown("maternity")
    ]


class WardPlan(Input):
    """What a ward is called and how many beds it has."""

    name: Annotated[Name, shown("Maternity")]
    beds: Annotated[int, Field(ge=0, le=10_000, strict=True), WHOLE, shown(4)]


class ReservationView(BaseModel):
    """A bed that an admission holds."""

    admission_id: UUID
    patient_id: UUID
    at: datetime


class WardView(BaseModel):
    """A ward as the outside sees one."""

    ward_id: str
    name: str
    beds: int
    reserved: int
    free: int
    reservations: Annotated[
        list[ReservationView], Field(description=f"those of the newest {NEWEST} admissions, the oldest of them first")
    ]
    reservations_total: Annotated[int, Field(description="how many there are; /wards/ID/reservations lists them all")]


@api.endpoint("PUT", "/wards/<ward_id>", WardView, errors=(409,), scope="wards:write")
def put_ward(path: WardPath, body: WardPlan, tx: Transaction) -> Afterwards:
    """Open a ward, or change its name and its number of beds."""
    decision = model.furnish(store.lock_or_open(tx, path.ward_id, body.name, body.beds), body.name, body.beds)
    if isinstance(decision, Refused):
        raise conflict(decision.reason)
    ward, event = decision
    store.save(tx, ward)
    tx.publish(event)
    return Afterwards(lambda db: get_ward(path, db))


@api.endpoint("GET", "/wards/<ward_id>", WardView, errors=(404,), scope="wards:read")
def get_ward(path: WardPath, db: Query) -> WardView:
    """Get a ward and who holds its beds."""
    census = store.census(db, path.ward_id, NEWEST)
    if census is None:
        raise not_found(f"ward {path.ward_id}")
    return WardView(**census.model_dump(), free=census.beds - census.reserved, reservations_total=census.reserved)


@api.endpoint("GET", "/wards/<ward_id>/reservations", Page[ReservationView], errors=(404,), scope="wards:read")
def list_reservations(path: WardPath, query: PageQuery, db: Query) -> Page[ReservationView]:
    """List who holds the beds of a ward, in the order of the admissions."""
    if not store.is_open(db, path.ward_id):
        raise not_found(f"ward {path.ward_id}")
    held = store.reservations_of(db, path.ward_id, query.after(), query.limit + 1)
    views = [ReservationView.model_validate(each, from_attributes=True) for each in held]
    return page(views, query.limit, lambda view: view.admission_id)
