"""Handing out a prescription: the boxes leave the shelf and are charged; if either cannot be, both are undone."""

from uuid import UUID

from pydantic import AliasChoices, BaseModel, Field

from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.transaction import Transaction
from infirmary.saga.definition import Saga, Step
from services.prescription import model, store
from services.prescription.messages import (
    ChargeDispensing,
    DispenseStock,
    PrescriptionDispensing,
    ReturnStock,
    UndoDispensingCharge,
)
from services.prescription.model import Prescription


class Dispensing(BaseModel):
    """What the saga knows from its start.

    Attributes:
        dispensing_id: The saga's id, by which its end is told; None of one that was begun by a release before. The
            events that tell of it have it as `saga_id`.
    """

    dispensing_id: UUID | None = Field(default=None, validation_alias=AliasChoices("dispensing_id", "saga_id"))
    prescription_id: UUID
    patient_id: UUID
    medication_code: str
    quantity: int

    @classmethod
    def of(cls, event: PrescriptionDispensing) -> "Dispensing":
        """Returns the data for one dispensing of a prescription; another try is another saga."""
        return cls.model_validate(event, from_attributes=True)


DISPENSING = Saga(
    "dispensing",
    Dispensing,
    Step("stock", DispenseStock, compensation=ReturnStock),
    Step("charge", ChargeDispensing, compensation=UndoDispensingCharge, pivot=True),
)

orchestrator = Orchestrator("prescription", DISPENSING)


@DISPENSING.when_completed
def prescription_is_dispensed(dispensing: Dispensing, tx: Transaction) -> None:
    """The boxes are with the patient and paid for."""
    prescription, event = model.dispensed(_prescription(dispensing, tx), dispensing.dispensing_id)
    store.save(tx, prescription)
    tx.publish(event)


@DISPENSING.when_failed
def prescription_is_accepted_again(dispensing: Dispensing, reason: str, tx: Transaction) -> None:
    """Everything is as it was before: the prescription may be dispensed another time."""
    prescription, event = model.not_dispensed(_prescription(dispensing, tx), reason, dispensing.dispensing_id)
    store.save(tx, prescription)
    tx.publish(event)


def _prescription(dispensing: Dispensing, tx: Transaction) -> Prescription:
    prescription = store.lock(tx, dispensing.prescription_id)
    if prescription is None:
        raise LookupError(f"prescription {dispensing.prescription_id} has gone in the middle of its dispensing")
    return prescription
