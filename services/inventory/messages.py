"""The messages of inventory: what it publishes, and what it reads of others'."""

from uuid import UUID

from infirmary.message_fields import Code, Name, Price, Quantity, Text, WholeNumber
from infirmary.messages import Command, Event, publishes, reads, receives


@publishes(subject="medication_code")
class MedicationListed(Event):
    """What a medication is called and what a box costs from now on; a new one has no boxes yet."""

    medication_code: Code
    name: Name
    unit_price: Price


@publishes(subject="medication_code")
class StockDelivered(Event):
    """Boxes have arrived in the store room."""

    medication_code: Code
    quantity: Quantity


@publishes(subject="medication_code")
class StockCounted(Event):
    """A stocktake has found `on_hand` boxes in the store room: `difference` more than were thought to be there.

    Boxes are moved by events of many subjects, whose order in the log is none. Differences add up in any.
    """

    medication_code: Code
    on_hand: WholeNumber
    difference: WholeNumber


@publishes(subject="prescription_id")
class StockReserved(Event):
    """Boxes are kept for a prescription. `unit_price` is what a box costs now, a decimal string with two places."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    quantity: Quantity
    unit_price: Price


@publishes(subject="prescription_id", ends=True)
class StockRejected(Event):
    """Nothing is kept for a prescription. `reason` is `out of stock` or `unknown medication`."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    quantity: Quantity
    reason: Text


@publishes(subject="prescription_id", ends=True)
class StockReleased(Event):
    """Boxes that were kept for a prescription are free for others."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    quantity: Quantity


@publishes(subject="prescription_id", ends=True)
class StockDispensed(Event):
    """Boxes that were kept for a prescription have left the store room."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    quantity: Quantity


@publishes(subject="prescription_id")
class StockReturned(Event):
    """Dispensed boxes are back in the store room and kept for their prescription again."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    quantity: Quantity


@publishes(subject="medication_code")
class StockLow(Event):
    """A medication has just become scarce. `available` is negative when fewer are left than are reserved."""

    medication_code: Code
    available: WholeNumber


@reads("prescription")
class PrescriptionCreated(Event):
    """A prescription wants boxes to be kept for it."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    quantity: Quantity


@reads("prescription")
class PrescriptionCancelled(Event):
    """A prescription needs its boxes no more."""

    prescription_id: UUID
    patient_id: UUID


@receives("prescription")
class DispenseStock(Command):
    """Takes the boxes that are kept for a prescription out of the store room."""

    prescription_id: UUID


@receives("prescription")
class ReturnStock(Command):
    """Puts the boxes that were dispensed for a prescription back, and keeps them for it."""

    prescription_id: UUID
