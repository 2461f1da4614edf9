"""What prescription does when a message arrives."""

from infirmary.handlers import Handlers, Outcome
from infirmary.postgres.transaction import Transaction
from services.prescription import model, store
from services.prescription.messages import (
    EraseFromPrescriptions,
    PatientErased,
    PatientNameChanged,
    PatientRegistered,
    StockRejected,
    StockReserved,
)

handlers = Handlers("prescription")


@handlers.on(PatientRegistered)
def know_patient(event: PatientRegistered, tx: Transaction) -> None:
    """Keeps the patient's name, so that a prescription can be written without asking anybody."""
    store.patients.keep(tx, event.patient_id, event.version, full_name=event.full_name)


@handlers.on(PatientNameChanged)
def rename_patient(event: PatientNameChanged, tx: Transaction) -> None:
    """Takes over the patient's new name."""
    store.patients.keep(tx, event.patient_id, event.version, full_name=event.full_name)


@handlers.on(PatientErased)
def erase_patient(event: PatientErased, tx: Transaction) -> None:
    """Forgets the patient's name for good."""
    store.erase_patient(tx, event.patient_id)


@handlers.command(EraseFromPrescriptions)
def answer_for_erasure(command: EraseFromPrescriptions, tx: Transaction) -> Outcome:
    """Forgets the patient's name, unless the event has come first, and says that it is done."""
    store.erase_patient(tx, command.patient_id)
    return None


@handlers.on(StockReserved)
def accept_prescription(event: StockReserved, tx: Transaction) -> None:
    """The boxes are reserved: the prescription is accepted, if it still waits for them."""
    prescription = store.lock(tx, event.prescription_id)
    accepted = model.accept(prescription) if prescription is not None else None
    if accepted is not None:
        store.save(tx, accepted[0])
        tx.publish(accepted[1])


@handlers.on(StockRejected)
def reject_prescription(event: StockRejected, tx: Transaction) -> None:
    """There are no boxes: the prescription is rejected, if it still waits for them."""
    prescription = store.lock(tx, event.prescription_id)
    rejected = model.reject(prescription, event.reason) if prescription is not None else None
    if rejected is not None:
        store.save(tx, rejected[0])
        tx.publish(rejected[1])
