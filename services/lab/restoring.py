"""How lab makes its results again from what it has told of them."""

from infirmary.postgres.transaction import Transaction
from infirmary.restoring.declaration import Restoring, said_at
from services.lab import store
from services.lab.messages import LabResultRecorded
from services.lab.model import LabResult

restoring = Restoring("lab")


@restoring.of(LabResultRecorded)
def record(event: LabResultRecorded, tx: Transaction) -> None:
    """Records the result; it is seen when the patient's name has been heard of once more, which is no part of it."""
    at = event.at or said_at(tx)
    store.insert(tx, LabResult(patient_name="", at=at, **event.model_dump(exclude={"at"})))
