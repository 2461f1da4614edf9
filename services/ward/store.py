"""The statements of ward: everything that touches its own tables."""

from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects import postgresql

from infirmary.postgres.statements import compiled, fields_of, given, is_given, json_rows, values_of
from infirmary.postgres.transaction import Query, Transaction
from services.ward.messages import BedReleased, BedReserved
from services.ward.model import Reservation, Ward
from services.ward.tables import reservations, wards


class Census(BaseModel):
    """A ward, and who holds its beds by the newest admissions."""

    ward_id: str
    name: str
    beds: int
    reserved: int
    reservations: list[Reservation]


_RESERVED = (
    sa.select(sa.func.count()).where(reservations.c.ward_id == wards.c.ward_id).correlate(wards).scalar_subquery()
)
_RESERVATIONS = sa.select(*fields_of(Reservation, reservations, at=reservations.c.reserved_at))
_NEWEST = json_rows(
    _RESERVATIONS.where(reservations.c.ward_id == wards.c.ward_id)
    .order_by(reservations.c.admission_id.desc())
    .limit(sa.bindparam("newest"))
    .correlate(wards),
    order_by="admission_id",
)

_FIND = compiled(sa.select(*fields_of(Ward, wards, reserved=_RESERVED)).where(is_given(wards.c.ward_id)))
_CENSUS = compiled(
    sa.select(*fields_of(Census, wards, reserved=_RESERVED, reservations=_NEWEST)).where(is_given(wards.c.ward_id))
)
_IS_OPEN = sa.select(sa.true()).where(is_given(wards.c.ward_id))
_FIND_ID = compiled(_IS_OPEN)
_LOCK = compiled(_IS_OPEN.with_for_update())
_OPEN = compiled(
    postgresql.insert(wards)
    .values(given(wards.c.ward_id, wards.c.name, wards.c.beds))
    .on_conflict_do_nothing(index_elements=[wards.c.ward_id])
)
_SAVE = compiled(sa.update(wards).where(is_given(wards.c.ward_id)).values(given(wards.c.name, wards.c.beds)))

_LOCK_RESERVATION = compiled(_RESERVATIONS.where(is_given(reservations.c.admission_id)).with_for_update())
_RESERVE = compiled(
    sa.insert(reservations).values(
        given(
            reservations.c.admission_id, reservations.c.patient_id, reservations.c.ward_id, reservations.c.reserved_at
        )
    )
)
_RELEASE = compiled(sa.delete(reservations).where(is_given(reservations.c.admission_id)))
_NEXT_RESERVATIONS = compiled(
    _RESERVATIONS.where(is_given(reservations.c.ward_id), reservations.c.admission_id > sa.bindparam("after"))
    .order_by(reservations.c.admission_id)
    .limit(sa.bindparam("rows"))
)


def find(db: Query, ward_id: str) -> Ward | None:
    """Returns a ward as of now."""
    return db.one(Ward, _FIND, ward_id=ward_id)


def lock(tx: Transaction, ward_id: str) -> Ward | None:
    """Returns a ward in which nobody else can reserve a bed until the transaction ends.

    The beds are counted by a second statement. The one that waits for the lock would count what was there before it
    waited, and the last bed would be given away twice.
    """
    tx.value(_LOCK, ward_id=ward_id)
    return find(tx, ward_id)


def lock_or_open(tx: Transaction, ward_id: str, name: str, beds: int) -> Ward:
    """Returns a locked ward. If there was none it is opened, with this name and these beds; two who do get the same."""
    tx.execute(_OPEN, ward_id=ward_id, name=name, beds=beds)
    ward = lock(tx, ward_id)
    if ward is None:
        raise LookupError(f"ward {ward_id} has gone, although nothing here closes a ward")
    return ward


def save(tx: Transaction, ward: Ward) -> None:
    """Saves what may change about a ward."""
    tx.execute(_SAVE, **values_of(ward))


def lock_reservation(tx: Transaction, admission_id: UUID) -> Reservation | None:
    """Returns the bed that an admission holds, so that nobody else can release it until the transaction ends."""
    return tx.one(Reservation, _LOCK_RESERVATION, admission_id=admission_id)


def insert_reservation(tx: Transaction, reserved: BedReserved) -> None:
    """Saves that an admission holds a bed."""
    tx.execute(_RESERVE, reserved_at=reserved.at, **reserved.model_dump(exclude={"at"}))


def delete_reservation(tx: Transaction, released: BedReleased) -> None:
    """Saves that an admission holds no bed any more."""
    tx.execute(_RELEASE, admission_id=released.admission_id)


def census(db: Query, ward_id: str, newest: int) -> Census | None:
    """Returns a ward and who holds its beds, as of one moment.

    Args:
        db: The database.
        ward_id: Which ward.
        newest: How many reservations; that of the oldest admission among them comes first.
    """
    return db.one(Census, _CENSUS, ward_id=ward_id, newest=newest)


def is_open(db: Query, ward_id: str) -> bool:
    """Says whether there is such a ward."""
    return db.value(_FIND_ID, ward_id=ward_id) is not None


def reservations_of(db: Query, ward_id: str, after: UUID, rows: int) -> list[Reservation]:
    """Returns who holds the next beds of a ward, in the order of the admissions."""
    return db.many(Reservation, _NEXT_RESERVATIONS, ward_id=ward_id, after=after, rows=rows)
