"""The HTTP interface of ward."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.chassis.handlers import Refused
from services.chassis.http.api import Api
from services.chassis.http.fields import WHOLE, Input, Name
from services.chassis.http.problems import conflict, not_found
from services.chassis.identifiers import ClientCode
from services.chassis.transaction import Query, Transaction
from services.ward import model, store
from services.ward.store import Census

api = Api("ward")


class WardPath(BaseModel):
    """The path of a ward."""

    ward_id: ClientCode


class WardPlan(Input):
    """What a ward is called and how many beds it has."""

    name: Name
    beds: Annotated[int, Field(ge=0, le=10_000, strict=True), WHOLE]


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
    reservations: list[ReservationView]


@api.endpoint("PUT", "/wards/<ward_id>", WardView, errors=(409,))
def put_ward(path: WardPath, body: WardPlan, tx: Transaction) -> WardView:
    """Open a ward, or change its name and its number of beds."""
    ward = model.furnish(store.lock_or_open(tx, path.ward_id, body.name, body.beds), body.name, body.beds)
    if isinstance(ward, Refused):
        raise conflict(ward.reason)
    store.save(tx, ward)
    return _view(store.census(tx, path.ward_id), path)


@api.endpoint("GET", "/wards/<ward_id>", WardView, errors=(404,))
def get_ward(path: WardPath, db: Query) -> WardView:
    """Get a ward and who holds its beds."""
    return _view(store.census(db, path.ward_id), path)


def _view(census: Census | None, path: WardPath) -> WardView:
    if census is None:
        raise not_found(f"ward {path.ward_id}")
    return WardView.model_validate({**census.model_dump(), "free": census.beds - census.reserved})
