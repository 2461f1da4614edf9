"""What lab does when a message arrives."""

from infirmary.handlers import Handlers
from infirmary.postgres.transaction import Transaction
from services.lab import store
from services.lab.messages import PatientNameChanged, PatientRegistered

handlers = Handlers("lab")


@handlers.on(PatientRegistered)
def know_patient(event: PatientRegistered, tx: Transaction) -> None:
    """Takes a snapshot of the patient: from now on results can be recorded."""
    store.patients.keep(tx, event.patient_id, event.version, full_name=event.full_name)


@handlers.on(PatientNameChanged)
def rename_patient(event: PatientNameChanged, tx: Transaction) -> None:
    """Takes over the new name, if it is newer than the one known."""
    store.patients.keep(tx, event.patient_id, event.version, full_name=event.full_name)
