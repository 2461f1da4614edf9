"""An operator's commands for parked messages work on MongoDB as they do on PostgreSQL."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from services.chassis.mongo.parking import HeldMessages

from services.__main__ import cli
from services.chassis.consumer.delivery import Delivery
from services.chassis.identifiers import new_id
from services.chassis.mongo.schema import create_collections
from services.chassis.mongo.storage import MongoDatabase, connect
from services.chassis.settings import Settings

LOG = "lab.events"


class Notification:
    """A notification service whose consumer could not apply some events."""

    def __init__(self, settings: Settings, database: MongoDatabase) -> None:
        self.settings, self.database = settings, database
        self._held = HeldMessages(database, LOG)

    def hold(self, sequence: int, error: Exception | None) -> None:
        headers = {"subject": "potassium", "sequence": sequence}
        properties = {"message_id": str(new_id()), "app_id": "lab", "type": "Tested", "application_headers": headers}
        self._held.hold(Delivery(properties, b'{"value": "6.8"}', tag=1, offset=sequence), error)

    def parked(self, *words: str) -> Result:
        arguments = ["notification", "parked", *words]
        return CliRunner().invoke(cli, arguments, env={"DATABASE_URL": self.settings.database_url})

    def listed(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.parked("list", "--json").output)
        return rows

    def passed(self) -> int | None:
        found = self.database["log_sequence"].find_one({"source": "lab", "subject": "potassium"})
        return None if found is None else found["last"]


@pytest.fixture
def notification(mongodb: Callable[[str], str]) -> Iterator[Notification]:
    settings = Settings(database_url=mongodb(f"operator_{new_id().hex[-12:]}"))
    create_collections("notification", settings)
    with connect(settings, "test") as client:
        service = Notification(settings, client.get_default_database())
        service.hold(1, ValueError("no such unit"))
        service.hold(2, None)
        yield service


def test_what_is_parked_is_listed_and_shown(notification: Notification) -> None:
    first, second = notification.listed()
    assert [(row["sequence"], row["state"]) for row in (first, second)] == [(1, "parked"), (2, "waits")]
    shown = json.loads(notification.parked("show", first["id"], "--json").output)
    assert shown["body"] == {"value": "6.8"}
    assert notification.parked("show", "nonsense").exit_code == 1


def test_a_retry_makes_it_due(notification: Notification) -> None:
    first, _ = notification.listed()
    before = first["retry_at"]
    assert notification.parked("retry", first["id"]).exit_code == 0
    assert notification.listed()[0]["retry_at"] != before
    assert notification.parked("retry", "--all").output.startswith("Due now: 2.")


def test_discarding_passes_the_sequence_in_order(notification: Notification) -> None:
    first, second = notification.listed()
    assert "waits for event 1" in notification.parked("discard", second["id"], "--yes").output
    assert notification.parked("discard", first["id"]).exit_code == 1
    assert notification.passed() is None
    assert notification.parked("discard", first["id"], "--yes").exit_code == 0
    assert notification.passed() == 1
    assert [row["sequence"] for row in notification.listed()] == [2]
