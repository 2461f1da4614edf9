"""What billing does when a message arrives.

Each handler locks the patient's account first, and nothing else. A batch of messages may still meet two accounts in the
opposite order of another batch; PostgreSQL then ends one of the two, and the library applies it again.
"""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from infirmary.handlers import Handlers, Outcome, Refused
from infirmary.identifiers import new_id
from infirmary.postgres.transaction import Transaction
from infirmary.settings import read
from services.billing import model, store
from services.billing.messages import (
    ChargeDispensing,
    CreateAdmissionBilling,
    EntryKind,
    PrescriptionCancelled,
    PrescriptionCreated,
    StockRejected,
    StockReserved,
    UndoDispensingCharge,
    VoidAdmissionBilling,
)
from services.billing.model import Account, Change, Entry
from services.billing.settings import BillingSettings

handlers = Handlers("billing")

# Read when the process starts: a bad value is to stop it there, not to park the first admission.
ADMISSION_FEE = read(BillingSettings).admission_fee


@handlers.on(PrescriptionCreated)
def open_entry(event: PrescriptionCreated, tx: Transaction) -> None:
    """Opens the prescription's entry."""
    account, entry = _load(tx, event.patient_id, "prescription", event.prescription_id)
    _carry_out(tx, model.open_entry(account, entry))


@handlers.on(StockReserved)
def price_entry(event: StockReserved, tx: Transaction) -> None:
    """Prices the prescription's entry."""
    account, entry = _load(tx, event.patient_id, "prescription", event.prescription_id)
    _carry_out(tx, model.price(account, entry, event.quantity * Decimal(event.unit_price)))


@handlers.on(StockRejected)
def void_rejected(event: StockRejected, tx: Transaction) -> None:
    """Voids the entry of a prescription that cannot be filled."""
    account, entry = _load(tx, event.patient_id, "prescription", event.prescription_id)
    _carry_out(tx, model.void(account, entry))


@handlers.on(PrescriptionCancelled)
def void_cancelled(event: PrescriptionCancelled, tx: Transaction) -> None:
    """Voids the entry of a prescription that was cancelled."""
    account, entry = _load(tx, event.patient_id, "prescription", event.prescription_id)
    _carry_out(tx, model.void(account, entry))


@handlers.command(ChargeDispensing)
def charge_dispensing(command: ChargeDispensing, tx: Transaction) -> Outcome:
    """Posts the prescription's entry, unless the account is held."""
    account, entry = _load(tx, command.patient_id, "prescription", command.prescription_id)
    return _carry_out(tx, model.charge(account, entry))


@handlers.command(UndoDispensingCharge)
def undo_dispensing_charge(command: UndoDispensingCharge, tx: Transaction) -> Outcome:
    """Opens the prescription's entry again."""
    account, entry = _load(tx, command.patient_id, "prescription", command.prescription_id)
    return _carry_out(tx, model.undo_charge(account, entry))


@handlers.command(CreateAdmissionBilling)
def create_admission_billing(command: CreateAdmissionBilling, tx: Transaction) -> Outcome:
    """Charges the fee of the admission, unless the account is held."""
    account, entry = _load(tx, command.patient_id, "admission", command.admission_id)
    return _carry_out(tx, model.bill_admission(account, entry, ADMISSION_FEE))


@handlers.command(VoidAdmissionBilling)
def void_admission_billing(command: VoidAdmissionBilling, tx: Transaction) -> Outcome:
    """Takes the fee of the admission back."""
    account, entry = _load(tx, command.patient_id, "admission", command.admission_id)
    return _carry_out(tx, model.void_admission(account, entry))


def _load(tx: Transaction, patient_id: UUID, kind: EntryKind, reference_id: UUID) -> tuple[Account, Entry]:
    """Returns the patient's account under lock, and the entry as it is or would begin."""
    account = store.lock_account(tx, patient_id)
    unopened = Entry(new_id(), patient_id, kind, reference_id, amount=None, status="unopened", at=datetime.now(UTC))
    return account, store.find_entry(tx, kind, reference_id) or unopened


def _carry_out(tx: Transaction, decision: Change | Refused | None) -> Outcome:
    if not isinstance(decision, Change):
        return decision
    store.save_account(tx, decision.account)
    store.save_entry(tx, decision.entry)
    tx.publish(decision.event)
    return None
