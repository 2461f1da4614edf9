"""How prescription tells its prescriptions again."""

from collections.abc import Iterator

import sqlalchemy as sa

from infirmary.messages import Event
from infirmary.postgres.republishing import Rows
from infirmary.postgres.statements import fields_of
from infirmary.republishing.declaration import Republishing
from services.prescription.messages import (
    PrescriptionAccepted,
    PrescriptionCancelled,
    PrescriptionCreated,
    PrescriptionDispensed,
    PrescriptionRejected,
)
from services.prescription.model import Prescription
from services.prescription.tables import prescriptions

republishing = Republishing("prescription")

_ALL = Rows(Prescription, sa.select(*fields_of(Prescription, prescriptions)), prescriptions.c.prescription_id)


@republishing.of("prescriptions", _ALL)
def tell_prescription(prescription: Prescription) -> Iterator[Event]:
    """Tells what was prescribed, and then what has become of it.

    Whoever keeps boxes or an entry for it has them by its id, and keeps nothing twice. One that is being dispensed is
    told as accepted: its saga tells the rest.
    """
    of_it = {"prescription_id": prescription.prescription_id, "patient_id": prescription.patient_id}
    yield PrescriptionCreated(
        **of_it,
        medication_code=prescription.medication_code,
        quantity=prescription.quantity,
        created_at=prescription.created_at,
    )
    if prescription.status in ("accepted", "dispensing"):
        yield PrescriptionAccepted(**of_it, reason=prescription.reason)
    elif prescription.status == "rejected":
        reason = prescription.reason or "no stock"
        yield PrescriptionRejected(**of_it, medication_code=prescription.medication_code, reason=reason)
    elif prescription.status == "dispensed":
        yield PrescriptionDispensed(**of_it)
    elif prescription.status == "cancelled":
        yield PrescriptionCancelled(**of_it)
