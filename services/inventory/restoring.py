"""How inventory makes its stock again from what it has told of it.

What is told of one prescription comes in its order, and what is told of one medication. Boxes are moved by both, and
between subjects the log has hardly any order: a dispensing may stand before the delivery that made it possible. So each
event moves as many boxes as it tells of, whatever the number is that they are added to, and the sum is right when the
log's end is reached, not before. Two things follow: `on_hand` may be below nought on the way, and the first that is
heard of a medication may be that boxes of it were reserved.

A reservation that was cancelled before it came is in no event. Its cancellation is read again.
"""

from decimal import Decimal

from infirmary.postgres.transaction import Transaction
from infirmary.restoring.declaration import Restoring
from services.inventory import store
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
from services.inventory.model import Reservation, ReservationStatus

restoring = Restoring("inventory")

restoring.changes_nothing(StockLow, because="it tells what other events have led to")


@restoring.of(MedicationListed)
def name(event: MedicationListed, tx: Transaction) -> None:
    """Gives the medication its name and price."""
    store.name_medication(tx, event.medication_code, event.name, Decimal(event.unit_price))


@restoring.of(StockDelivered)
def deliver(event: StockDelivered, tx: Transaction) -> None:
    """Adds the boxes."""
    store.move_boxes(tx, event.medication_code, on_hand=event.quantity)


@restoring.of(StockCounted)
def count(event: StockCounted, tx: Transaction) -> None:
    """Adds what the stocktake has found more, or takes away what it has missed."""
    store.move_boxes(tx, event.medication_code, on_hand=event.difference)


@restoring.of(StockReserved)
def reserve(event: StockReserved, tx: Transaction) -> None:
    """Keeps the boxes."""
    _keep(tx, event, "reserved")
    store.move_boxes(tx, event.medication_code, reserved=event.quantity)


@restoring.of(StockRejected)
def reject(event: StockRejected, tx: Transaction) -> None:
    """Notes that nothing is kept."""
    _keep(tx, event, "rejected")


@restoring.of(StockReleased)
def release(event: StockReleased, tx: Transaction) -> None:
    """Frees the boxes."""
    _keep(tx, event, "released")
    store.move_boxes(tx, event.medication_code, reserved=-event.quantity)


@restoring.of(StockDispensed)
def dispense(event: StockDispensed, tx: Transaction) -> None:
    """Takes the boxes out of the store room."""
    _keep(tx, event, "dispensed")
    store.move_boxes(tx, event.medication_code, on_hand=-event.quantity, reserved=-event.quantity)


@restoring.of(StockReturned)
def put_back(event: StockReturned, tx: Transaction) -> None:
    """Puts the boxes back, and keeps them."""
    _keep(tx, event, "reserved")
    store.move_boxes(tx, event.medication_code, on_hand=event.quantity, reserved=event.quantity)


def _keep(
    tx: Transaction,
    event: StockReserved | StockRejected | StockReleased | StockDispensed | StockReturned,
    status: ReservationStatus,
) -> None:
    told = Reservation(event.prescription_id, event.patient_id, event.medication_code, event.quantity, status)
    store.claim_reservation(tx, told)
    store.save_reservation(tx, told)
