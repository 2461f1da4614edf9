"""A relay of MongoDB's keeps to the rights of its role, collection by collection, as the server has recorded it."""

from typing import Any

import pytest
from pymongo import MongoClient

from infirmary.process_roles import Process
from tests.eventually import eventually
from tests.integration.mongodb_rights import DOCUMENTS, AnyMongo, beyond_rights, recorded
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import events
from tests.integration.relay.outboxes import Outbox


@pytest.mark.parametrize("outbox", ["mongodb"], indirect=True)
def test_a_relay_asks_for_nothing_that_its_role_has_no_right_to(
    mongodb_server: AnyMongo, service: str, outbox: Outbox, start_relay: StartRelay
) -> None:
    with MongoClient[dict[str, Any]](mongodb_server.url, uuidRepresentation="standard") as administrator:
        administrator[service].command("profile", 2)
        outbox.note_logs([f"{service}.events"])
        outbox.write(events(service, 3))
        relay = start_relay(outbox).until_ready()
        eventually(lambda: outbox.waiting() == 0, because="all are sent")
        assert relay.stop() == 0
        administrator[service].command("profile", 0)
        asked = recorded(administrator[service]["system.profile"].find())
    relays = {asked_for[1:] for asked_for in asked if asked_for[0] == Process.RELAY.role_in(service)}
    assert {("outbox_lease", "remove"), (DOCUMENTS, "update"), (DOCUMENTS, "changeStream")} < relays
    assert beyond_rights(service, asked) == []
