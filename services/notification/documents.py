"""The collection of notification: a document for each of them, inserted once and never changed but for its outbox."""

from typing import Final, get_args

from infirmary.mongo.documents import Documents
from services.notification.messages import Kind

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
