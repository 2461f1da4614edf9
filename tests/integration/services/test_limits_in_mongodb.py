"""MongoDB itself takes no notification that no message may hold, and lets the relay finish with older ones."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from pymongo.errors import WriteError

from infirmary.identifiers import new_id
from infirmary.mongo.schema import create_collections
from infirmary.mongo.storage import MongoCollection, connect
from infirmary.settings import Settings
from services.notification.documents import documents
from services.notification.model import admission_confirmed


@pytest.fixture
def settings(mongodb: Callable[[str], str]) -> Settings:
    return Settings(database_url=mongodb("notifications"))


@pytest.fixture
def notifications(settings: Settings) -> Iterator[MongoCollection]:
    with connect(settings, "test") as client:
        collection = client.get_default_database()[documents.collection]
        collection.drop()
        yield collection


def notification() -> dict[str, object]:
    return {"_id": new_id(), **asdict(admission_confirmed(new_id(), new_id(), new_id(), "W1", datetime.now(UTC)))}


@pytest.mark.parametrize(
    ("field", "bad"),
    [("text", ""), ("text", "x" * 1001), ("text", 5), ("kind", "gossip"), ("at", "today"), ("patient_id", "somebody")],
)
def test_the_server_refuses_a_notification_beyond_the_limits(
    settings: Settings, notifications: MongoCollection, field: str, bad: object
) -> None:
    create_collections("notification", settings)
    notifications.insert_one(notification())
    with pytest.raises(WriteError, match="validation"):
        notifications.insert_one({**notification(), field: bad})
    answer = {"saga_id": new_id(), "number": 1, "step": "confirmation", "outcome": "refused", "reason": "no"}
    notifications.insert_one({"_id": new_id(), "saga_answer": answer})  # a refusal has no more


def test_an_older_notification_beyond_the_limits_stays_and_can_be_sent(
    settings: Settings, notifications: MongoCollection
) -> None:
    old = {**notification(), "text": "", "outbox": [1]}
    notifications.insert_one(old)
    create_collections("notification", settings)
    create_collections("notification", settings)
    assert notifications.update_one({"_id": old["_id"]}, {"$pull": {"outbox": 1}}).modified_count == 1
