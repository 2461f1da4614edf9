"""The statements of inventory: everything that touches its own tables."""

from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from infirmary.postgres.statements import compiled, fields_of, given, is_given, values_of
from infirmary.postgres.transaction import Query, Transaction
from services.inventory.model import Reservation, Stock
from services.inventory.tables import medications, reservations

_STOCK = fields_of(Stock, medications)
_ONE_STOCK = sa.select(*_STOCK).where(is_given(medications.c.code))
_FIND_STOCK = compiled(_ONE_STOCK)
_LOCK_STOCK = compiled(_ONE_STOCK.with_for_update())
_NAMED = postgresql.insert(medications).values(
    on_hand=0, reserved=0, **given(medications.c.code, medications.c.name, medications.c.unit_price)
)
_NAME_MEDICATION = compiled(
    _NAMED.on_conflict_do_update(
        index_elements=[medications.c.code],
        set_={"name": _NAMED.excluded.name, "unit_price": _NAMED.excluded.unit_price},
    ).returning(*_STOCK)
)
# The boxes of a medication that nobody has named yet; its name comes later.
_MEET_MEDICATION = compiled(
    postgresql.insert(medications)
    .values(unit_price=0, on_hand=0, reserved=0, **given(medications.c.code, medications.c.name))
    .on_conflict_do_nothing(index_elements=[medications.c.code])
)
_MOVE_BOXES = compiled(
    sa.update(medications)
    .where(is_given(medications.c.code))
    .values(
        on_hand=medications.c.on_hand + sa.bindparam("more_on_hand", type_=sa.BigInteger),
        reserved=medications.c.reserved + sa.bindparam("more_reserved", type_=sa.BigInteger),
    )
)
_SAVE_STOCK = compiled(
    sa.update(medications)
    .where(is_given(medications.c.code))
    .values(given(medications.c.on_hand, medications.c.reserved))
)

_RESERVATION = fields_of(Reservation, reservations)
_CLAIM_RESERVATION = compiled(
    postgresql.insert(reservations)
    .values(given(*_RESERVATION))
    .on_conflict_do_nothing(index_elements=[reservations.c.prescription_id])
)
_LOCK_RESERVATION = compiled(sa.select(*_RESERVATION).where(is_given(reservations.c.prescription_id)).with_for_update())
_SAVE_RESERVATION = compiled(
    sa.update(reservations).where(is_given(reservations.c.prescription_id)).values(given(reservations.c.status))
)


def find_stock(db: Query, code: str) -> Stock | None:
    """Returns a medication's stock as of now."""
    return db.one(Stock, _FIND_STOCK, code=code)


def lock_stock(tx: Transaction, code: str) -> Stock | None:
    """Returns a medication's stock, which nobody else can change until the transaction ends."""
    return tx.one(Stock, _LOCK_STOCK, code=code)


def name_medication(tx: Transaction, code: str, name: str, unit_price: Decimal) -> Stock | None:
    """Saves what a medication is called and costs, and returns it; a new one has no boxes, a known one keeps them."""
    return tx.one(Stock, _NAME_MEDICATION, code=code, name=name, unit_price=unit_price)


def save_stock(tx: Transaction, stock: Stock) -> None:
    """Saves how many boxes there are and how many are reserved."""
    tx.execute(_SAVE_STOCK, **values_of(stock))


def move_boxes(tx: Transaction, code: str, on_hand: int = 0, reserved: int = 0) -> None:
    """Adds to the boxes on hand and to those reserved; a number below nought takes away.

    A medication that is not known gets its code for a name, until it is named.
    """
    tx.execute(_MEET_MEDICATION, code=code, name=code)
    tx.execute(_MOVE_BOXES, code=code, more_on_hand=on_hand, more_reserved=reserved)


def claim_reservation(tx: Transaction, reservation: Reservation) -> Reservation:
    """Returns the prescription's reservation under lock: the given one, unless there is one already.

    The insert waits for another transaction that has just inserted it, so two can never both take it for new.
    """
    tx.execute(_CLAIM_RESERVATION, **values_of(reservation))
    return lock_reservation(tx, reservation.prescription_id) or reservation


def lock_reservation(tx: Transaction, prescription_id: UUID) -> Reservation | None:
    """Returns what is kept for a prescription, which nobody else can change until the transaction ends."""
    return tx.one(Reservation, _LOCK_RESERVATION, prescription_id=prescription_id)


def save_reservation(tx: Transaction, reservation: Reservation) -> None:
    """Saves what has become of a reservation."""
    tx.execute(_SAVE_RESERVATION, **values_of(reservation))
