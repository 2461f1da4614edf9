"""The documents of notification: one for each, inserted once and never changed but for its outbox."""

from dataclasses import asdict, fields
from typing import Any, Final, get_args
from uuid import UUID

from infirmary.mongo.documents import Documents
from infirmary.mongo.storage import MongoDatabase
from infirmary.mongo.transaction import MongoTransaction
from services.notification.messages import Kind
from services.notification.model import Notification

_ID: Final = {"bsonType": "binData"}

documents: Final = Documents(
    "notifications",
    indexes=[[("notification_id", 1)], [("patient_id", 1), ("notification_id", 1)]],
    limits={
        "notification_id": _ID,
        "patient_id": _ID,
        "kind": {"enum": list(get_args(Kind))},
        "text": {"bsonType": "string", "minLength": 1, "maxLength": 1000},
        "reference_id": _ID,
        "at": {"bsonType": "date"},
    },
)

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


def _next(db: MongoDatabase, wanted: dict[str, Any], after: UUID, rows: int) -> list[Notification]:
    found = db[documents.collection].find({**wanted, "notification_id": {"$gt": after}}, _FIELDS)
    return [Notification(**each) for each in found.sort("notification_id", 1).limit(rows)]
