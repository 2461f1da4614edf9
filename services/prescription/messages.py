"""The messages of prescription: what it publishes and sends, and what it reads of others'."""

from uuid import UUID

from infirmary.message_fields import Code, Moment, Name, Quantity, Text, Version
from infirmary.messages import Command, Event, publishes, reads, receives, sends


@publishes(subject="prescription_id")
class PrescriptionCreated(Event):
    """A prescription was written; stock is to be reserved for it and an entry opened.

    Events from before `created_at` was told have none.
    """

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    quantity: Quantity
    created_at: Moment | None = None


@publishes(subject="prescription_id")
class PrescriptionAccepted(Event):
    """The boxes are reserved. If the prescription is back from a dispensing, `saga_id` says which, `reason` why."""

    prescription_id: UUID
    patient_id: UUID
    reason: Text | None
    saga_id: UUID | None = None


@publishes(subject="prescription_id", ends=True)
class PrescriptionRejected(Event):
    """There is no stock for the prescription."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    reason: Text


@publishes(subject="prescription_id")
class PrescriptionDispensing(Event):
    """The boxes are being handed out, by the saga `saga_id` as it is in `saga_version`."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    quantity: Quantity
    saga_id: UUID
    saga_version: Version


@publishes(subject="prescription_id", ends=True)
class PrescriptionDispensed(Event):
    """The boxes were handed out and charged, by the saga `saga_id`; events from before that was told have none."""

    prescription_id: UUID
    patient_id: UUID
    saga_id: UUID | None = None


@publishes(subject="prescription_id", ends=True)
class PrescriptionCancelled(Event):
    """The prescription is void; what was reserved for it is free again."""

    prescription_id: UUID
    patient_id: UUID


@sends("inventory")
class DispenseStock(Command):
    """Takes the reserved boxes off the shelf."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    quantity: Quantity


@sends("inventory")
class ReturnStock(Command):
    """Puts the boxes back and reserves them again."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    quantity: Quantity


@sends("billing")
class ChargeDispensing(Command):
    """Turns the prescription's open entry into a posted one."""

    prescription_id: UUID
    patient_id: UUID


@sends("billing")
class UndoDispensingCharge(Command):
    """Opens the entry again."""

    prescription_id: UUID
    patient_id: UUID


@reads("patient")
class PatientRegistered(Event):
    """A patient for whom prescriptions may be written."""

    patient_id: UUID
    full_name: Name
    version: Version


@reads("patient")
class PatientNameChanged(Event):
    """The patient's name from now on."""

    patient_id: UUID
    full_name: Name
    version: Version


@reads("patient")
class PatientErased(Event):
    """A person is to be forgotten."""

    patient_id: UUID


@receives("patient")
class EraseFromPrescriptions(Command):
    """Forgets the patient's name, and answers for it."""

    patient_id: UUID


@reads("inventory")
class StockReserved(Event):
    """The boxes are reserved."""

    prescription_id: UUID


@reads("inventory")
class StockRejected(Event):
    """There are not enough boxes."""

    prescription_id: UUID
    reason: Text
