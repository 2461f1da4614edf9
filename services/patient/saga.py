"""Erasing a person: whoever holds the name forgets it, and says so.

The point of no return is the transaction in patient that deletes the record and starts this: from then on there is
nothing that could be given back, so no step can be undone, and each is asked for until it is done. All holders hear
`PatientErased` at once and forget; the steps ask for each one's word that it has.
"""

from uuid import UUID

from pydantic import AliasChoices, BaseModel, Field

from infirmary.postgres.sagas.orchestrator import Orchestrator
from infirmary.postgres.transaction import Transaction
from infirmary.saga.definition import Saga, Step
from services.patient.messages import (
    EraseFromCharts,
    EraseFromLabResults,
    EraseFromNotifications,
    EraseFromPrescriptions,
    PatientErased,
    PatientErasureCompleted,
)


class Erasure(BaseModel):
    """What the saga knows from its start: no name. The erasure's id is the saga's, as the event has it."""

    erasure_id: UUID = Field(validation_alias=AliasChoices("erasure_id", "saga_id"))
    patient_id: UUID

    @classmethod
    def of(cls, event: PatientErased) -> "Erasure":
        """Returns the data of the saga that an event tells of."""
        return cls.model_validate(event, from_attributes=True)


ERASURE = Saga(
    "erasure",
    Erasure,
    Step("prescription", EraseFromPrescriptions, retriable=True),
    Step("lab", EraseFromLabResults, retriable=True),
    Step("notification", EraseFromNotifications, retriable=True),
    Step("chart", EraseFromCharts, retriable=True),
)

orchestrator = Orchestrator("patient", ERASURE)


@ERASURE.when_completed
def everybody_has_forgotten(erasure: Erasure, tx: Transaction) -> None:
    """Everybody has given their word."""
    tx.publish(PatientErasureCompleted(erasure_id=erasure.erasure_id, patient_id=erasure.patient_id))
