"""How ward tells its wards, and who holds their beds, again."""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa
from pydantic import BaseModel

from infirmary.messages import Event
from infirmary.postgres.republishing import Rows
from infirmary.postgres.statements import fields_of, json_rows
from infirmary.republishing.declaration import Republishing
from services.ward.messages import BedReserved, WardFurnished
from services.ward.model import Reservation
from services.ward.tables import reservations, wards

republishing: Final = Republishing("ward")


class Occupied(BaseModel):
    """A ward, and all who hold its beds."""

    ward_id: str
    name: str
    beds: int
    reservations: list[Reservation]


_RESERVATIONS = json_rows(
    sa.select(*fields_of(Reservation, reservations, at=reservations.c.reserved_at))
    .where(reservations.c.ward_id == wards.c.ward_id)
    .correlate(wards),
    order_by="admission_id",
)


@republishing.of(
    "wards", Rows(Occupied, sa.select(*fields_of(Occupied, wards, reservations=_RESERVATIONS)), wards.c.ward_id)
)
def tell_ward(ward: Occupied) -> Iterator[Event]:
    """Tells what a ward is called, how many beds it has, and each bed that is held.

    Beds that are free again are not told: who held them is not kept.
    """
    yield WardFurnished(ward_id=ward.ward_id, name=ward.name, beds=ward.beds)
    for held in ward.reservations:
        yield BedReserved(ward_id=ward.ward_id, admission_id=held.admission_id, patient_id=held.patient_id, at=held.at)
