"""The reads and writes of notification: everything that touches its own documents."""

from dataclasses import asdict, fields
from typing import Any, Final
from uuid import UUID

from infirmary.mongo.storage import MongoDatabase
from infirmary.mongo.transaction import MongoTransaction
from services.notification.documents import documents
from services.notification.model import Notification

ERASED: Final = "erased"
"""What stands in place of what a person was told who was erased."""

PERSONAL: Final = {"full_name": ERASED, "date_of_birth": "0001-01-01"}
"""What stands in held messages in place of what is personal. None that is read has it; one that cannot be might."""

_FIELDS: Final = {"_id": False, **{field.name: True for field in fields(Notification)}}


def list_of_patient(db: MongoDatabase, patient_id: UUID, after: UUID, rows: int) -> list[Notification]:
    """Returns the next notifications about a patient, oldest first."""
    return _next(db, {"patient_id": patient_id}, after, rows)


def list_all(db: MongoDatabase, after: UUID, rows: int) -> list[Notification]:
    """Returns the next notifications about anybody, oldest first."""
    return _next(db, {}, after, rows)


def insert(tx: MongoTransaction, notification: Notification) -> None:
    """Saves a new notification."""
    tx.insert(asdict(notification))


def erase_texts(tx: MongoTransaction, patient_id: UUID) -> None:
    """Forgets what was told about a patient."""
    tx.forget(patient_id, PERSONAL)
    tx.change_all({"patient_id": patient_id}, {"text": ERASED})


def _next(db: MongoDatabase, wanted: dict[str, Any], after: UUID, rows: int) -> list[Notification]:
    found = db[documents.collection].find({**wanted, "notification_id": {"$gt": after}}, _FIELDS)
    return [Notification(**each) for each in found.sort("notification_id", 1).limit(rows)]
