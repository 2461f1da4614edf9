"""What notification does when a message arrives."""

from datetime import UTC, datetime

from infirmary.handlers import Handlers, Outcome
from infirmary.identifiers import new_id
from infirmary.mongo.transaction import MongoTransaction
from services.notification import model, store
from services.notification.messages import (
    EraseFromNotifications,
    LabResultRecorded,
    PrescriptionRejected,
    SendAdmissionConfirmation,
)
from services.notification.model import Notification

handlers = Handlers("notification")


@handlers.on(LabResultRecorded, only_news=True)
def tell_critical_lab_result(event: LabResultRecorded, tx: MongoTransaction) -> None:
    """Tells of the result, if it is critical."""
    notification = model.critical_lab_result(new_id(), event, datetime.now(UTC))
    if notification is not None:
        _send(tx, notification)


@handlers.on(PrescriptionRejected, only_news=True)
def tell_rejected_prescription(event: PrescriptionRejected, tx: MongoTransaction) -> None:
    """Tells the patient why there is no medication."""
    _send(tx, model.prescription_rejected(new_id(), event, datetime.now(UTC)))


@handlers.command(SendAdmissionConfirmation)
def confirm_admission(command: SendAdmissionConfirmation, tx: MongoTransaction) -> Outcome:
    """Tells the patient that the admission is complete."""
    at = datetime.now(UTC)
    _send(tx, model.admission_confirmed(new_id(), command.patient_id, command.admission_id, command.ward_id, at))
    return None


@handlers.command(EraseFromNotifications)
def erase_texts(command: EraseFromNotifications, tx: MongoTransaction) -> Outcome:
    """Forgets what the patient was told; that it was told stays."""
    store.erase_texts(tx, command.patient_id)
    return None


def _send(tx: MongoTransaction, notification: Notification) -> None:
    store.insert(tx, notification)
    tx.publish(model.sent(notification))
