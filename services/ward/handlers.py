"""What ward does when a message arrives."""

from datetime import UTC, datetime

from infirmary.handlers import Handlers, Outcome, Refused
from infirmary.postgres.transaction import Transaction
from services.ward import model, store
from services.ward.messages import PatientDischarged, ReleaseReservation, ReserveBed

handlers = Handlers("ward")


@handlers.command(ReserveBed)
def reserve_bed(command: ReserveBed, tx: Transaction) -> Outcome:
    """Holds a bed for the admission, if the ward has a free one."""
    # Always the ward first, then the reservation.
    ward = store.lock(tx, command.ward_id)
    held = store.lock_reservation(tx, command.admission_id)
    decision = model.reserve(ward, held, command.admission_id, command.patient_id, datetime.now(UTC))
    if decision is None or isinstance(decision, Refused):
        return decision
    store.insert_reservation(tx, decision)
    tx.publish(decision)
    return None


@handlers.command(ReleaseReservation)
def release_reservation(command: ReleaseReservation, tx: Transaction) -> Outcome:
    """Takes the admission's bed back, because it did not come about."""
    _release(command, tx)
    return None


@handlers.on(PatientDischarged)
def release_bed(event: PatientDischarged, tx: Transaction) -> None:
    """Takes the admission's bed back, because the patient has gone home.

    A further attempt of ReserveBed that comes after the discharge cannot take a bed for ever: the first attempt was
    answered before the patient was admitted, and every further one gets its stored answer.
    """
    _release(event, tx)


def _release(asked: ReleaseReservation | PatientDischarged, tx: Transaction) -> None:
    released = model.release(store.lock_reservation(tx, asked.admission_id))
    if released is not None:
        store.delete_reservation(tx, released)
        tx.publish(released)
