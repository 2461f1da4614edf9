"""What inventory does when a message arrives.

Lock order: the reservation, then its medication's stock. A message names a prescription; which medication is concerned,
and whether any is, stands in the reservation. The API locks stock only. A batch of messages may still meet two
medications in the opposite order of another batch; PostgreSQL then ends one of the two, and the library applies it
again.
"""

from infirmary.handlers import Handlers, Outcome, Refused
from infirmary.postgres.transaction import Transaction
from services.inventory import model, store
from services.inventory.messages import DispenseStock, PrescriptionCancelled, PrescriptionCreated, ReturnStock
from services.inventory.model import Decision, Reservation, Stock

handlers = Handlers("inventory")


@handlers.on(PrescriptionCreated)
def reserve_stock(event: PrescriptionCreated, tx: Transaction) -> None:
    """Keeps boxes for the prescription, or says why not."""
    wanted = Reservation(event.prescription_id, event.patient_id, event.medication_code, event.quantity)
    reservation = store.claim_reservation(tx, wanted)
    decision = model.reserve(reservation, _lock_stock_of(tx, reservation))
    if decision is not None:
        _carry_out(tx, decision)


@handlers.on(PrescriptionCancelled)
def release_stock(event: PrescriptionCancelled, tx: Transaction) -> None:
    """Frees what is kept for the prescription, now or when it comes."""
    reservation = store.claim_reservation(tx, Reservation(event.prescription_id, event.patient_id))
    decision = model.cancel(reservation, _lock_stock_of(tx, reservation))
    if decision is not None:
        _carry_out(tx, decision)


@handlers.command(DispenseStock)
def dispense_stock(command: DispenseStock, tx: Transaction) -> Outcome:
    """Takes the boxes out of the store room, if there are still enough."""
    reservation = store.lock_reservation(tx, command.prescription_id)
    decision = model.dispense(reservation, _lock_stock_of(tx, reservation))
    if isinstance(decision, Refused):
        return decision
    _carry_out(tx, decision)
    return None


@handlers.command(ReturnStock)
def return_stock(command: ReturnStock, tx: Transaction) -> Outcome:
    """Puts the boxes back, and keeps them for the prescription."""
    reservation = store.lock_reservation(tx, command.prescription_id)
    decision = model.put_back(reservation, _lock_stock_of(tx, reservation))
    if decision is not None:
        _carry_out(tx, decision)
    return None


def _lock_stock_of(tx: Transaction, reservation: Reservation | None) -> Stock | None:
    return None if reservation is None else store.lock_stock(tx, reservation.medication_code)


def _carry_out(tx: Transaction, decision: Decision) -> None:
    store.save_reservation(tx, decision.reservation)
    if decision.stock is not None:
        store.save_stock(tx, decision.stock)
    for event in decision.events:
        tx.publish(event)
