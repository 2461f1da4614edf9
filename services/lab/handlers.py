"""What lab does when a message arrives."""

from infirmary.handlers import Handlers, Outcome
from infirmary.postgres.transaction import Transaction
from services.lab import store
from services.lab.messages import EraseFromLabResults, PatientErased, PatientNameChanged, PatientRegistered

handlers = Handlers("lab")


@handlers.on(PatientRegistered)
def know_patient(event: PatientRegistered, tx: Transaction) -> None:
    """Takes a snapshot of the patient: from now on results can be recorded."""
    store.patients.keep(tx, event.patient_id, event.version, full_name=event.full_name)


@handlers.on(PatientNameChanged)
def rename_patient(event: PatientNameChanged, tx: Transaction) -> None:
    """Takes over the new name, if it is newer than the one known."""
    store.patients.keep(tx, event.patient_id, event.version, full_name=event.full_name)


@handlers.on(PatientErased)
def erase_patient(event: PatientErased, tx: Transaction) -> None:
    """Forgets the patient's name for good."""
    store.erase_patient(tx, event.patient_id)


@handlers.command(EraseFromLabResults)
def answer_for_erasure(command: EraseFromLabResults, tx: Transaction) -> Outcome:
    """Forgets the patient's name, unless the event has come first, and says that it is done."""
    store.erase_patient(tx, command.patient_id)
    return None
