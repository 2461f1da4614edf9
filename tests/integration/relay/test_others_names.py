"""A relay speaks for its own service alone: it holds, visibly, what would speak for another."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from benchmarks.version_1 import as_version_1
from infirmary_streams.sections import encoded
from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject
from tests.integration.relay.outboxes import Message, Outbox


def header_of(source: str, version: int) -> bytes:
    sections = encoded(
        message_id=str(uuid4()),
        source=source,
        message_type="Noted",
        subject="forged",
        time=datetime.now(UTC),
        correlation_id="c",
    )
    header = sections + (1).to_bytes(8, "big")
    return header if version == 2 else as_version_1(header, len(b"forged"))


@pytest.mark.parametrize("version", [1, 2])
def test_a_row_that_names_another_source_is_held_with_its_subject_and_stops_nobody_else(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay, version: int
) -> None:
    log, other = f"{service}.events", f"{service[:-1]}_"
    outbox.write([Message(log, "forged", 1, b"forged", header_of(other, version))])
    outbox.write(events(service, 2))
    relay = start_relay(outbox)
    why = f"its source is {other!r}, and the relay of {service} sends nothing for others"
    eventually(lambda: f"it cannot be sent: {why}" in relay.reasons(), because="it says so")
    eventually(lambda: outbox.waiting() == 1, because="all others have gone")
    eventually(lambda: relay.metric('outbox_relay_blocked{kind="subject"}') == 1, because="it is counted")
    assert relay.metric("outbox_relay_refused_total") >= 1
    outbox.write([Message(log, "forged", 2, b"behind it"), *events(service, 1, first=3)])
    eventually(lambda: in_order_of_subject(broker.bodies(log)) == everything(3), because="others go on")


@pytest.mark.parametrize("kind", ["events", "to.third"])
def test_a_row_to_another_services_log_is_held_though_its_broker_would_take_it(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay, kind: str
) -> None:
    theirs = f"{service}x.{kind}"
    broker.declare(theirs, **{"x-queue-type": "stream"})
    outbox.write([Message(theirs, "forged", 1, b"forged"), *events(service, 2)])
    relay = start_relay(outbox)
    why = f"{theirs} is a log of '{service}x', and the relay of {service} writes to no other's"
    eventually(lambda: f"target {theirs}: {why}" in relay.reasons(), because="it says so")
    eventually(lambda: outbox.waiting() == 1, because="all others have gone")
    eventually(lambda: relay.metric('outbox_relay_blocked{kind="target"}') == 1, because="it is counted")
    outbox.write(events(service, 1, first=3))
    log = f"{service}.events"
    eventually(lambda: in_order_of_subject(broker.bodies(log)) == everything(3), because="others go on")
    assert broker.bodies(theirs) == []


def test_a_relay_declares_no_log_of_another_service(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    theirs = f"{service}x.events"
    relay = start_relay(outbox, RELAY_DECLARE=f"{theirs},{service}.to.peer").until_ready()
    eventually(lambda: broker.bodies(f"{service}.to.peer") == [], because="its own is declared")
    assert not broker.exists(theirs)
    assert relay.reasons() == ""
