"""The messages of chart: it publishes no event, and of others' it reads every one about a patient."""

from uuid import UUID

from infirmary.message_fields import Amount, Code, Day, Flag, Name, Quantity, ShortText, Text, Version
from infirmary.messages import Command, Event, reads, receives

# patient: subject patient_id


@reads("patient")
class PatientRegistered(Event):
    """A patient is known to the hospital: the chart begins."""

    patient_id: UUID
    full_name: Name
    date_of_birth: Day
    version: Version


@reads("patient")
class PatientNameChanged(Event):
    """A patient is called otherwise from now on."""

    patient_id: UUID
    full_name: Name
    version: Version


@reads("patient")
class PatientAdmitted(Event):
    """A patient has been admitted to a ward."""

    patient_id: UUID
    admission_id: UUID
    ward_id: Code


@reads("patient")
class PatientErased(Event):
    """A person is to be forgotten."""

    patient_id: UUID


@receives("patient")
class EraseFromCharts(Command):
    """Forgets name, date of birth and what the patient was told, and answers for it."""

    patient_id: UUID


class AdmissionEnded(Event):
    """A patient is in no ward any more."""

    patient_id: UUID


@reads("patient")
class PatientAdmissionUndone(AdmissionEnded):
    """An admission did not come about after all."""


@reads("patient")
class PatientDischarged(AdmissionEnded):
    """A patient has gone home."""


# admission: subject admission_id


@reads("admission")
class AdmissionCompleted(Event):
    """Everybody has done their part of an admission."""

    admission_id: UUID
    patient_id: UUID


@reads("admission")
class AdmissionFailed(Event):
    """An admission has been undone everywhere."""

    admission_id: UUID
    patient_id: UUID


# ward: subject ward_id


@reads("ward")
class BedReserved(Event):
    """A bed is kept for an admission."""

    admission_id: UUID
    patient_id: UUID


@reads("ward")
class BedReleased(Event):
    """The bed of an admission is free again."""

    admission_id: UUID
    patient_id: UUID


# prescription: subject prescription_id


@reads("prescription")
class PrescriptionCreated(Event):
    """A medication has been prescribed."""

    prescription_id: UUID
    patient_id: UUID
    medication_code: Code
    quantity: Quantity


@reads("prescription")
class PrescriptionAccepted(Event):
    """The boxes are reserved; or dispensing them has failed, and `reason` says why."""

    prescription_id: UUID
    patient_id: UUID
    reason: Text | None


@reads("prescription")
class PrescriptionRejected(Event):
    """There are no boxes for a prescription."""

    prescription_id: UUID
    patient_id: UUID
    reason: Text


@reads("prescription")
class PrescriptionDispensing(Event):
    """The boxes are being handed out."""

    prescription_id: UUID
    patient_id: UUID


@reads("prescription")
class PrescriptionDispensed(Event):
    """The patient has the boxes."""

    prescription_id: UUID
    patient_id: UUID


@reads("prescription")
class PrescriptionCancelled(Event):
    """A prescription was taken back."""

    prescription_id: UUID
    patient_id: UUID


# inventory: subject prescription_id


class BoxesMoved(Event):
    """Each event tells where the boxes of a prescription are now."""

    prescription_id: UUID
    patient_id: UUID


@reads("inventory")
class StockReserved(BoxesMoved):
    """The boxes are kept for the prescription."""


@reads("inventory")
class StockRejected(BoxesMoved):
    """There are not enough boxes."""


@reads("inventory")
class StockReleased(BoxesMoved):
    """The boxes are no longer kept."""


@reads("inventory")
class StockDispensed(BoxesMoved):
    """The boxes have left the shelf."""


@reads("inventory")
class StockReturned(BoxesMoved):
    """The boxes are back on the shelf, and kept for the prescription."""


# billing: subject entry_id


class AccountChanged(Event):
    """Each event carries the balance of the whole account: those of different entries come in any order."""

    patient_id: UUID
    balance: Amount
    account_version: Version


@reads("billing")
class BillingEntryCreated(AccountChanged):
    """A prescription will have to be paid for."""


@reads("billing")
class BillingEntryPriced(AccountChanged):
    """It is known what a prescription costs."""


@reads("billing")
class BillingEntryPosted(AccountChanged):
    """A dispensed prescription has been charged."""


@reads("billing")
class BillingEntryVoided(AccountChanged):
    """A prescription need not be paid for."""


@reads("billing")
class AdmissionBilled(AccountChanged):
    """The fee of an admission has been charged."""


@reads("billing")
class AdmissionBillingVoided(AccountChanged):
    """The fee of an admission need not be paid."""


# lab: subject lab_result_id


@reads("lab")
class LabResultRecorded(Event):
    """The laboratory has found something."""

    lab_result_id: UUID
    patient_id: UUID
    test: Name
    value: Name
    unit: ShortText
    critical: Flag


# notification: subject notification_id


@reads("notification")
class NotificationSent(Event):
    """Somebody was told something about a patient."""

    notification_id: UUID
    patient_id: UUID
    kind: Name
    text: Text
    reference_id: UUID
