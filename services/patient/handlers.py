"""What patient does when a message arrives."""

from infirmary.handlers import Handlers, Outcome, Refused
from infirmary.postgres.transaction import Transaction
from services.patient import model, store
from services.patient.messages import AdmitPatient, UndoAdmission

handlers = Handlers("patient")


@handlers.command(AdmitPatient)
def admit_patient(command: AdmitPatient, tx: Transaction) -> Outcome:
    """Admits the patient, unless there is an admission already."""
    patient = store.lock(tx, command.patient_id)
    decision = model.admit(patient, command.patient_id, command.admission_id, command.ward_id)
    if isinstance(decision, Refused):
        return decision
    admitted, event = decision
    store.save(tx, admitted)
    tx.publish(event)
    return None


@handlers.command(UndoAdmission)
def undo_admission(command: UndoAdmission, tx: Transaction) -> Outcome:
    """Takes the admission back, if it is still the one in force."""
    undone = model.undo_admission(store.lock(tx, command.patient_id), command.admission_id)
    if undone is not None:
        patient, event = undone
        store.save(tx, patient)
        tx.publish(event)
    return None
