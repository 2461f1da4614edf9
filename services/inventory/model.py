"""What may happen to stock and to what is reserved of it. Pure: values in, values out."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal
from uuid import UUID

from infirmary.handlers import Refused
from services.inventory.messages import (
    MedicationListed,
    StockCounted,
    StockDelivered,
    StockDispensed,
    StockLow,
    StockRejected,
    StockReleased,
    StockReserved,
    StockReturned,
)

LOW_STOCK_BOXES = 10
"""With fewer boxes available than this, a medication is scarce."""

MOST_BOXES_ON_HAND = 10**12
"""A bound that no store room reaches, and that keeps sums of boxes far inside a bigint."""

ReservationStatus = Literal["new", "reserved", "rejected", "released", "dispensed", "cancelled"]
"""`new` lasts no longer than the transaction that writes it; `cancelled` is left by a cancellation that came first."""


@dataclass(frozen=True, slots=True)
class Stock:
    """A medication and its boxes.

    Attributes:
        unit_price: A box's price.
        on_hand: Boxes in the store room.
        reserved: Boxes that are kept for prescriptions; more than on_hand when a stocktake has found fewer.
    """

    code: str
    name: str
    unit_price: Decimal
    on_hand: int
    reserved: int

    @property
    def available(self) -> int:
        """Boxes that nobody has reserved; negative when a stocktake has found fewer than are reserved."""
        return self.on_hand - self.reserved


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is kept for a prescription. Of one that was cancelled before it came, code and quantity are never known."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: str = ""
    quantity: int = 0
    status: ReservationStatus = "new"


StockEvent = StockReserved | StockRejected | StockReleased | StockDispensed | StockReturned | StockLow


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be saved and published. `stock` is None where it stays as it is."""

    reservation: Reservation
    stock: Stock | None
    events: tuple[StockEvent, ...]


def reserve(reservation: Reservation, stock: Stock | None) -> Decision | None:
    """Keeps boxes for a prescription, or says why not; None when it was decided before, or cancelled."""
    if reservation.status != "new":
        return None
    if stock is None:
        return _reject(reservation, "unknown medication")
    if stock.available < reservation.quantity:
        return _reject(reservation, "out of stock")
    left = replace(stock, reserved=stock.reserved + reservation.quantity)
    reserved = StockReserved(
        prescription_id=reservation.prescription_id,
        patient_id=reservation.patient_id,
        medication_code=reservation.medication_code,
        quantity=reservation.quantity,
        unit_price=f"{stock.unit_price:.2f}",
    )
    return Decision(replace(reservation, status="reserved"), left, (reserved, *_scarcity(stock, left)))


def cancel(reservation: Reservation, stock: Stock | None) -> Decision | None:
    """Frees what is kept for a prescription; one that has not come yet is marked, and nothing will be kept for it."""
    if reservation.status == "new":
        return Decision(replace(reservation, status="cancelled"), None, ())
    if reservation.status != "reserved" or stock is None:
        return None
    left = replace(stock, reserved=stock.reserved - reservation.quantity)
    return Decision(replace(reservation, status="released"), left, (_tell(StockReleased, reservation),))


def dispense(reservation: Reservation | None, stock: Stock | None) -> Decision | Refused:
    """Takes the boxes of a prescription out of the store room, if a stocktake has left enough of them."""
    if reservation is None or reservation.status != "reserved" or stock is None:
        return Refused("nothing is reserved for the prescription")
    if stock.on_hand < reservation.quantity:
        return Refused(f"out of stock: {stock.on_hand} on hand, {reservation.quantity} needed")
    left = replace(stock, on_hand=stock.on_hand - reservation.quantity, reserved=stock.reserved - reservation.quantity)
    return Decision(replace(reservation, status="dispensed"), left, (_tell(StockDispensed, reservation),))


def put_back(reservation: Reservation | None, stock: Stock | None) -> Decision | None:
    """Undoes a dispensing: the boxes are on hand and reserved again. None when none were dispensed."""
    if reservation is None or reservation.status != "dispensed" or stock is None:
        return None
    left = replace(stock, on_hand=stock.on_hand + reservation.quantity, reserved=stock.reserved + reservation.quantity)
    return Decision(replace(reservation, status="reserved"), left, (_tell(StockReturned, reservation),))


def listed(stock: Stock) -> MedicationListed:
    """Returns what everybody is told about a medication that has just been named."""
    return MedicationListed(medication_code=stock.code, name=stock.name, unit_price=f"{stock.unit_price:.2f}")


def deliver(stock: Stock, quantity: int) -> tuple[Stock, StockDelivered] | None:
    """Adds boxes that have arrived; None when there would be more than MOST_BOXES_ON_HAND."""
    if stock.on_hand + quantity > MOST_BOXES_ON_HAND:
        return None
    delivered = StockDelivered(medication_code=stock.code, quantity=quantity)
    return replace(stock, on_hand=stock.on_hand + quantity), delivered


def count(stock: Stock, on_hand: int) -> tuple[Stock, tuple[StockCounted | StockLow, ...]]:
    """Takes over what a stocktake has found, however much is reserved."""
    counted = replace(stock, on_hand=on_hand)
    told = StockCounted(medication_code=stock.code, on_hand=on_hand, difference=on_hand - stock.on_hand)
    return counted, (told, *_scarcity(stock, counted))


def _reject(reservation: Reservation, reason: str) -> Decision:
    rejected = StockRejected(
        prescription_id=reservation.prescription_id,
        patient_id=reservation.patient_id,
        medication_code=reservation.medication_code,
        quantity=reservation.quantity,
        reason=reason,
    )
    return Decision(replace(reservation, status="rejected"), None, (rejected,))


def _tell(
    kind: type[StockReleased] | type[StockDispensed] | type[StockReturned], reservation: Reservation
) -> StockReleased | StockDispensed | StockReturned:
    return kind(
        prescription_id=reservation.prescription_id,
        patient_id=reservation.patient_id,
        medication_code=reservation.medication_code,
        quantity=reservation.quantity,
    )


def _scarcity(before: Stock, after: Stock) -> tuple[StockLow, ...]:
    """Tells of scarcity when it begins, not again with each box that goes while it lasts."""
    if after.available < LOW_STOCK_BOXES <= before.available:
        return (StockLow(medication_code=after.code, available=after.available),)
    return ()
