"""The prescription service's own transaction, as its API runs it, with what it publishes and without."""

from uuid import UUID

from benchmarks.writing import Session
from infirmary.identifiers import new_id
from infirmary.postgres.transaction import transaction
from infirmary.tracing.causation import causation_of
from services.prescription import model, store


def prescribe(session: Session, patient_id: UUID, *, publishes: bool) -> None:
    """Reads the patient's snapshot and writes a prescription, and its event if it is to be published.

    Raises:
        LookupError: nobody has heard of the patient.
    """
    with transaction(session, "prescription", causation_of(None, None, None)) as tx:
        known = store.known_patient(tx, patient_id)
        if known is None:
            raise LookupError(str(patient_id))
        prescription, event = model.prescribe(new_id(), patient_id, "aspirin-100", 1, known.now)
        store.insert(tx, prescription)
        if publishes:
            tx.publish(event)
