"""What is told of messages whose effects are documents: only what was written."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from services.chassis.mongo.ledger import MongoLedger

from services.chassis.consumer.applying import Applier
from services.chassis.consumer.delivery import Delivery
from services.chassis.identifiers import new_id
from services.chassis.messages import encode
from services.chassis.mongo.schema import create_collections
from services.chassis.settings import Settings
from services.notification.handlers import handlers
from services.notification.messages import SendAdmissionConfirmation
from tests.spans import spans_told

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def ledger(mongodb: Callable[[str], str]) -> Iterator[MongoLedger]:
    """Notification's consumer on a fresh database."""
    settings = Settings(database_url=mongodb(f"notifications_{new_id().hex}"))
    create_collections("notification", settings)
    ledger = MongoLedger("notification", settings, Applier(handlers, None), new_id())
    yield ledger
    ledger.close()


def asked(attempt: int = 1) -> Delivery:
    command = SendAdmissionConfirmation(
        saga_id=new_id(), step="confirmation", attempt=attempt, reply_to="admission", admission_id=new_id(),
        patient_id=new_id(), ward_id="w",
    )  # fmt: skip
    properties = {
        "message_id": str(new_id()),
        "app_id": "admission",
        "type": "SendAdmissionConfirmation",
        "application_headers": {"subject": str(command.saga_id), "traceparent": SAMPLED},
    }
    return Delivery(properties, encode(command), 1)


@pytest.mark.parametrize("together", [1, 3])
def test_commands_are_told_with_the_messages_that_they_led_to(ledger: MongoLedger, together: int) -> None:
    deliveries = [asked() for _ in range(together)]
    with spans_told() as told:
        ledger.apply_inbox("notification.inbox", deliveries)
    processed = [span for span in told if span.kind == "consumer"]
    assert [span.name for span in processed] == ["process notification.inbox"] * together
    created = [(span.name, span.parent) for span in told if span.kind == "producer"]
    assert sorted(created) == sorted(
        (f"create {target}", span.traceparent)
        for span in processed
        for target in ("admission.inbox", "notification.events")
    )


def test_a_command_that_comes_again_is_told_once_and_another_attempt_only_with_its_reply(ledger: MongoLedger) -> None:
    first = asked()
    ledger.apply_inbox("notification.inbox", [first])
    with spans_told() as told:
        ledger.apply_inbox("notification.inbox", [replace(first, tag=2)])
    assert told == []
    another = replace(first, properties=first.properties | {"message_id": str(new_id())}, tag=3)
    with spans_told() as told:
        ledger.apply_inbox("notification.inbox", [another])
    assert [span.name for span in told] == ["process notification.inbox", "create admission.inbox"]
