"""What lab does when a message arrives."""

from infirmary import snapshots
from infirmary.handlers import Handlers
from infirmary.postgres.transaction import Transaction
from services.lab.messages import PatientNameChanged, PatientRegistered

handlers = Handlers("lab")


@handlers.on(PatientRegistered)
def know_patient(event: PatientRegistered, tx: Transaction) -> None:
    """Takes a snapshot of the patient: from now on results can be recorded."""
    snapshots.keep_patient(tx, event.patient_id, event.full_name, event.version)


@handlers.on(PatientNameChanged)
def rename_patient(event: PatientNameChanged, tx: Transaction) -> None:
    """Takes over the new name, if it is newer than the one known."""
    snapshots.keep_patient(tx, event.patient_id, event.full_name, event.version)
