"""The SQL of inventory: everything that touches its own tables."""

from decimal import Decimal
from uuid import UUID

from infirmary.postgres.transaction import Query, Transaction
from services.inventory.model import Reservation, Stock


def find_stock(db: Query, code: str) -> Stock | None:
    """Returns a medication's stock as of now."""
    return db.one(
        Stock, "SELECT code, name, unit_price, on_hand, reserved FROM medications WHERE code = %(code)s", code=code
    )


def lock_stock(tx: Transaction, code: str) -> Stock | None:
    """Returns a medication's stock, which nobody else can change until the transaction ends."""
    return tx.one(
        Stock,
        "SELECT code, name, unit_price, on_hand, reserved FROM medications WHERE code = %(code)s FOR UPDATE",
        code=code,
    )


def name_medication(tx: Transaction, code: str, name: str, unit_price: Decimal) -> Stock | None:
    """Saves what a medication is called and costs, and returns it; a new one has no boxes, a known one keeps them."""
    return tx.one(
        Stock,
        """INSERT INTO medications (code, name, unit_price, on_hand, reserved)
           VALUES (%(code)s, %(name)s, %(unit_price)s, 0, 0)
           ON CONFLICT (code) DO UPDATE SET name = excluded.name, unit_price = excluded.unit_price
           RETURNING code, name, unit_price, on_hand, reserved""",
        code=code,
        name=name,
        unit_price=unit_price,
    )


def save_stock(tx: Transaction, stock: Stock) -> None:
    """Saves how many boxes there are and how many are reserved."""
    tx.execute(
        "UPDATE medications SET on_hand = %(on_hand)s, reserved = %(reserved)s WHERE code = %(code)s",
        code=stock.code,
        on_hand=stock.on_hand,
        reserved=stock.reserved,
    )


def claim_reservation(tx: Transaction, reservation: Reservation) -> Reservation:
    """Returns the prescription's reservation under lock: the given one, unless there is one already.

    The insert waits for another transaction that has just inserted it, so two can never both take it for new.
    """
    tx.execute(
        """INSERT INTO reservations (prescription_id, patient_id, medication_code, quantity, status)
           VALUES (%(prescription_id)s, %(patient_id)s, %(medication_code)s, %(quantity)s, %(status)s)
           ON CONFLICT (prescription_id) DO NOTHING""",
        prescription_id=reservation.prescription_id,
        patient_id=reservation.patient_id,
        medication_code=reservation.medication_code,
        quantity=reservation.quantity,
        status=reservation.status,
    )
    return lock_reservation(tx, reservation.prescription_id) or reservation


def lock_reservation(tx: Transaction, prescription_id: UUID) -> Reservation | None:
    """Returns what is kept for a prescription, which nobody else can change until the transaction ends."""
    return tx.one(
        Reservation,
        """SELECT prescription_id, patient_id, medication_code, quantity, status FROM reservations
           WHERE prescription_id = %(prescription_id)s FOR UPDATE""",
        prescription_id=prescription_id,
    )


def save_reservation(tx: Transaction, reservation: Reservation) -> None:
    """Saves what has become of a reservation."""
    tx.execute(
        "UPDATE reservations SET status = %(status)s WHERE prescription_id = %(prescription_id)s",
        prescription_id=reservation.prescription_id,
        status=reservation.status,
    )
