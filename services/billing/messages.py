"""The messages of billing: what it publishes, and what it reads of others'.

Every event of an entry says how the account stands after it: `balance`, and `account_version`, which grows by one with
each of them. A reader that keeps the balance of the highest version has the newest. Amounts are decimal strings with
two places. `at` is when the entry was first heard of; events from before that was told have none.
"""

from typing import Literal
from uuid import UUID

from infirmary.message_fields import Amount, Flag, Moment, Price, Quantity, Version
from infirmary.messages import Command, Event, publishes, reads, receives

EntryKind = Literal["prescription", "admission"]


@publishes(subject="entry_id")
class BillingEntryCreated(Event):
    """An entry is open. `amount` is null until it is priced; `reference_id` is the prescription's or admission's id."""

    entry_id: UUID
    patient_id: UUID
    kind: EntryKind
    reference_id: UUID
    amount: Amount | None
    balance: Amount
    account_version: Version
    at: Moment | None = None


@publishes(subject="entry_id")
class BillingEntryPriced(Event):
    """An entry has its amount; published again when the entry was posted and is open once more."""

    entry_id: UUID
    patient_id: UUID
    kind: EntryKind
    reference_id: UUID
    amount: Amount
    balance: Amount
    account_version: Version
    at: Moment | None = None


@publishes(subject="entry_id", ends=True)
class BillingEntryPosted(Event):
    """What the entry stands for has been handed out: the patient owes it."""

    entry_id: UUID
    patient_id: UUID
    kind: EntryKind
    reference_id: UUID
    balance: Amount
    account_version: Version
    at: Moment | None = None


@publishes(subject="entry_id", ends=True)
class BillingEntryVoided(Event):
    """An entry counts no more, whatever comes later."""

    entry_id: UUID
    patient_id: UUID
    kind: EntryKind
    reference_id: UUID
    balance: Amount
    account_version: Version
    at: Moment | None = None


@publishes(subject="entry_id", ends=True)
class AdmissionBilled(Event):
    """A patient owes the fee of an admission."""

    entry_id: UUID
    patient_id: UUID
    admission_id: UUID
    amount: Amount
    balance: Amount
    account_version: Version
    at: Moment | None = None


@publishes(subject="entry_id", ends=True)
class AdmissionBillingVoided(Event):
    """A patient owes nothing for an admission that did not come about."""

    entry_id: UUID
    patient_id: UUID
    admission_id: UUID
    balance: Amount
    account_version: Version
    at: Moment | None = None


@publishes(subject="patient_id")
class AccountHeld(Event):
    """Nothing more may be charged to an account from now on; or, where `held` is false, it may again."""

    patient_id: UUID
    held: Flag


@reads("prescription")
class PrescriptionCreated(Event):
    """A prescription will have to be paid for, once its price is known."""

    prescription_id: UUID
    patient_id: UUID


@reads("prescription")
class PrescriptionCancelled(Event):
    """A prescription need not be paid for."""

    prescription_id: UUID
    patient_id: UUID


@reads("inventory")
class StockReserved(Event):
    """The price of a prescription is known: `quantity` boxes at `unit_price`, a decimal string."""

    prescription_id: UUID
    patient_id: UUID
    quantity: Quantity
    unit_price: Price


@reads("inventory")
class StockRejected(Event):
    """A prescription that cannot be filled need not be paid for."""

    prescription_id: UUID
    patient_id: UUID


@receives("admission")
class CreateAdmissionBilling(Command):
    """Charges the fee of an admission."""

    admission_id: UUID
    patient_id: UUID


@receives("admission")
class VoidAdmissionBilling(Command):
    """Takes the charge of this admission, and no other, back."""

    admission_id: UUID
    patient_id: UUID


@receives("prescription")
class ChargeDispensing(Command):
    """Posts the entry of a prescription that is being dispensed."""

    prescription_id: UUID
    patient_id: UUID


@receives("prescription")
class UndoDispensingCharge(Command):
    """Opens the entry of a prescription again, because it was not dispensed after all."""

    prescription_id: UUID
    patient_id: UUID
