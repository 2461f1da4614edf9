"""What chart does when a message arrives: it notes what its owner has decided, and decides nothing itself."""

from infirmary.handlers import Handlers, Outcome
from infirmary.postgres.transaction import Transaction
from services.chart import store
from services.chart.messages import (
    AccountChanged,
    AdmissionBilled,
    AdmissionBillingVoided,
    AdmissionCompleted,
    AdmissionEnded,
    AdmissionFailed,
    BedReleased,
    BedReserved,
    BillingEntryCreated,
    BillingEntryPosted,
    BillingEntryPriced,
    BillingEntryVoided,
    BoxesMoved,
    EraseFromCharts,
    LabResultRecorded,
    NotificationSent,
    PatientAdmissionUndone,
    PatientAdmitted,
    PatientDischarged,
    PatientErased,
    PatientNameChanged,
    PatientRegistered,
    PrescriptionAccepted,
    PrescriptionCancelled,
    PrescriptionCreated,
    PrescriptionDispensed,
    PrescriptionDispensing,
    PrescriptionRejected,
    StockDispensed,
    StockRejected,
    StockReleased,
    StockReserved,
    StockReturned,
)

handlers = Handlers("chart", projection="chart")


@handlers.on(PatientRegistered)
def begin_chart(event: PatientRegistered, tx: Transaction) -> None:
    """Begins the patient's chart."""
    store.register(tx, event)


@handlers.on(PatientNameChanged)
def rename_patient(event: PatientNameChanged, tx: Transaction) -> None:
    """Takes over the new name, if it is newer than the one known."""
    store.rename(tx, event)


@handlers.on(PatientErased)
def close_chart(event: PatientErased, tx: Transaction) -> None:
    """Forgets whose chart it was; nobody is shown it any more."""
    store.erase_patient(tx, event.patient_id)


@handlers.command(EraseFromCharts)
def answer_for_erasure(command: EraseFromCharts, tx: Transaction) -> Outcome:
    """Does the same, unless the event has come first, and says that it is done."""
    store.erase_patient(tx, command.patient_id)
    return None


@handlers.on(PatientAdmitted)
def admit_patient(event: PatientAdmitted, tx: Transaction) -> None:
    """Shows the admission."""
    store.admit(tx, event)


@handlers.on(PatientAdmissionUndone, PatientDischarged)
def end_admission(event: AdmissionEnded, tx: Transaction) -> None:
    """Shows no admission any more."""
    store.end_admission(tx, event.patient_id)


@handlers.on(AdmissionCompleted)
def complete_admission(event: AdmissionCompleted, tx: Transaction) -> None:
    """Shows the admission as completed."""
    store.keep_admission(tx, event.admission_id, event.patient_id, "completed")


@handlers.on(AdmissionFailed)
def fail_admission(event: AdmissionFailed, tx: Transaction) -> None:
    """Shows the admission as failed, until the patient's own log ends it."""
    store.keep_admission(tx, event.admission_id, event.patient_id, "failed")


@handlers.on(BedReserved)
def reserve_bed(event: BedReserved, tx: Transaction) -> None:
    """Shows that a bed is kept for the admission."""
    store.keep_bed(tx, event.admission_id, event.patient_id, reserved=True)


@handlers.on(BedReleased)
def release_bed(event: BedReleased, tx: Transaction) -> None:
    """Shows that no bed is kept for the admission."""
    store.keep_bed(tx, event.admission_id, event.patient_id, reserved=False)


@handlers.on(PrescriptionCreated)
def prescribe(event: PrescriptionCreated, tx: Transaction) -> None:
    """Shows the prescription."""
    store.prescribe(tx, event)


@handlers.on(PrescriptionAccepted)
def accept_prescription(event: PrescriptionAccepted, tx: Transaction) -> None:
    """Shows the prescription as accepted, and why it could not be dispensed if that was tried."""
    store.keep_prescription(tx, event.prescription_id, event.patient_id, "accepted", event.reason)


@handlers.on(PrescriptionRejected)
def reject_prescription(event: PrescriptionRejected, tx: Transaction) -> None:
    """Shows the prescription as rejected, and why."""
    store.keep_prescription(tx, event.prescription_id, event.patient_id, "rejected", event.reason)


@handlers.on(PrescriptionDispensing)
def try_to_dispense(event: PrescriptionDispensing, tx: Transaction) -> None:
    """Shows no more why an earlier try has failed; the chart calls a prescription accepted until the try has ended."""
    store.keep_prescription(tx, event.prescription_id, event.patient_id, "accepted", None)


@handlers.on(PrescriptionDispensed)
def dispense_prescription(event: PrescriptionDispensed, tx: Transaction) -> None:
    """Shows the prescription as dispensed."""
    store.keep_prescription(tx, event.prescription_id, event.patient_id, "dispensed", None)


@handlers.on(PrescriptionCancelled)
def cancel_prescription(event: PrescriptionCancelled, tx: Transaction) -> None:
    """Shows the prescription as cancelled."""
    store.cancel_prescription(tx, event.prescription_id, event.patient_id)


@handlers.on(StockReserved, StockReturned)
def keep_boxes(event: BoxesMoved, tx: Transaction) -> None:
    """Shows that the boxes are kept for the prescription."""
    store.keep_stock(tx, event.prescription_id, event.patient_id, "reserved")


@handlers.on(StockRejected)
def miss_boxes(event: StockRejected, tx: Transaction) -> None:
    """Shows that there are not enough boxes."""
    store.keep_stock(tx, event.prescription_id, event.patient_id, "rejected")


@handlers.on(StockReleased)
def release_boxes(event: StockReleased, tx: Transaction) -> None:
    """Shows that the boxes are no longer kept for the prescription."""
    store.keep_stock(tx, event.prescription_id, event.patient_id, "released")


@handlers.on(StockDispensed)
def hand_out_boxes(event: StockDispensed, tx: Transaction) -> None:
    """Shows that the boxes have left the shelf."""
    store.keep_stock(tx, event.prescription_id, event.patient_id, "dispensed")


@handlers.on(
    BillingEntryCreated,
    BillingEntryPriced,
    BillingEntryPosted,
    BillingEntryVoided,
    AdmissionBilled,
    AdmissionBillingVoided,
)
def keep_balance(event: AccountChanged, tx: Transaction) -> None:
    """Shows the balance, if it is newer than the one known."""
    store.keep_balance(tx, event.patient_id, event.balance, event.account_version)


@handlers.on(LabResultRecorded)
def take_over_lab_result(event: LabResultRecorded, tx: Transaction) -> None:
    """Shows the lab result."""
    store.keep_lab_result(tx, event)


@handlers.on(NotificationSent)
def take_over_notification(event: NotificationSent, tx: Transaction) -> None:
    """Shows what somebody was told."""
    store.keep_notification(tx, event)
