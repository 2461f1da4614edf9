"""The logs that a service has noted are there before it has written anything; on either source."""

from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject, until_delivered
from tests.integration.relay.outboxes import Message, Outbox, PostgresOutbox


def test_noted_logs_are_there_before_anything_is_written(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    commands, part = f"{service}.to.ward", f"{service}.to.lab.1"
    outbox.note_logs([commands, part, "no log"])
    relay = start_relay(outbox, LOG_PARTS="2").until_ready()
    for log in (commands, part, f"{service}.events", f"{service}.events.1"):
        assert broker.exists(log)
    assert not broker.exists("no log")
    assert relay.reasons() == ""


def test_what_is_to_be_declared_may_be_said_by_the_operator_instead(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    outbox.note_logs([f"{service}.to.ward"])
    start_relay(outbox, RELAY_DECLARE=f"{service}.to.lab").until_ready()
    assert [name for name in ("ward", "lab") if broker.exists(f"{service}.to.{name}")] == ["lab"]
    assert not broker.exists(f"{service}.events")


def test_a_service_that_notes_no_logs_is_served_as_before(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    outbox.forget_logs()
    inbox = f"{service}x.inbox"
    broker.declare(inbox, **{"x-queue-type": "quorum", "x-single-active-consumer": True})
    start_relay(outbox).until_ready()
    assert broker.exists(f"{service}.events")
    outbox.write([*events(service, 2), Message(inbox, "p", None, b"command")])
    until_delivered(outbox)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(2)
    assert broker.bodies(inbox, stream=False) == ["command"]


def test_an_inbox_of_the_release_before_is_not_declared_and_holds_back_only_its_own(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(outbox).until_ready()
    inbox = f"{service}x.inbox"
    outbox.write([Message(inbox, "p", None, b"command"), *events(service, 2)])
    eventually(lambda: f"{inbox} does not exist" in relay.reasons(), because="it says what is missing")
    eventually(lambda: outbox.waiting() == 1, because="all others have gone")
    assert not broker.exists(inbox)


def test_logs_noted_later_are_declared_when_the_session_begins_again(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    start_relay(postgres_outbox).until_ready()
    postgres_outbox.note_logs([f"{service}.to.ward"])
    postgres_outbox.end_sessions()
    eventually(lambda: broker.exists(f"{service}.to.ward"), because="it is declared")


def test_a_relay_that_may_not_read_what_is_noted_delivers_all_the_same(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    postgres_outbox.note_logs([f"{service}.to.ward"])
    postgres_outbox.session.execute("REVOKE SELECT ON outbox_log FROM template_outbox_relay")
    start_relay(postgres_outbox).until_ready()
    assert not broker.exists(f"{service}.to.ward")
    postgres_outbox.write([*events(service, 2), Message(f"{service}.to.ward", "p", 1, b"command")])
    until_delivered(postgres_outbox)
    assert broker.bodies(f"{service}.to.ward") == ["command"]
