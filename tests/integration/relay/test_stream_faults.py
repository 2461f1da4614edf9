"""What can happen to a relay that writes logs by the stream protocol: nothing is lost, order holds, it goes on."""

import signal
from pathlib import Path

import pytest

from local.servers import rabbitmq_configuration
from local.servers.choice import Servers
from local.servers.rabbitmq import RabbitMQServer
from tests.chaos.proxy import Proxy
from tests.erlang import CLOSE_CONNECTIONS, evaluate
from tests.eventually import eventually
from tests.integration.relay.bad_streams import ForgetfulStreams, RefusingStreams, SlowStreams
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import SUBJECTS, events, everything, in_order_of_subject, until_delivered
from tests.integration.relay.outboxes import Message, PostgresOutbox
from tests.integration.relay.writer import CONFIRMED, Writer, flows

BATCH_ROWS, WINDOWS = 10, 2
SMALL = {"RELAY_BATCH_ROWS": str(BATCH_ROWS), "RELAY_WINDOWS": str(WINDOWS)}
CONNECTIONS = 'outbox_relay_connections_total{server="broker"}'
FRAME_MAX_BYTES = 1_048_576
"""RabbitMQ's own stream.frame_max."""


@pytest.fixture
def node(servers: Servers, broker: Broker) -> RabbitMQServer:
    """The broker, for an operator."""
    if not isinstance(servers.rabbitmq, RabbitMQServer) or not broker.stream_port:
        pytest.skip("the broker is not ours, or does not speak the stream protocol")
    return servers.rabbitmq


def test_a_broker_that_closes_the_connection_gets_no_more_than_the_window_again(
    postgres_outbox: PostgresOutbox, broker: Broker, node: RabbitMQServer, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(postgres_outbox, **SMALL).until_ready()
    times = 4
    with Writer(postgres_outbox, service) as writer:
        for _ in range(times):
            flows(relay)
            evaluate(node, CLOSE_CONNECTIONS)
    until_delivered(postgres_outbox)
    eventually(lambda: relay.metric(CONNECTIONS) > times, because="it connects again each time")
    bodies = broker.bodies(f"{service}.events")
    assert in_order_of_subject(bodies) == everything(writer.count)
    assert len(bodies) - len(set(bodies)) <= times * BATCH_ROWS * WINDOWS
    eventually(lambda: relay.reasons() == "", because="it is ready again")


def test_a_log_deleted_under_messages_keeps_none_of_those_that_were_not_confirmed(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    """What was confirmed has gone with the log; what follows is in the new one, without a gap and in order."""
    log = f"{service}.events"
    relay = start_relay(postgres_outbox, **SMALL).until_ready()
    with Writer(postgres_outbox, service) as writer:
        for _ in range(3):
            flows(relay)
            broker.delete(log)
    until_delivered(postgres_outbox)
    postgres_outbox.write(events(service, 1, first=writer.count + 1))
    until_delivered(postgres_outbox, within_s=3)
    for subject, sequences in in_order_of_subject(broker.bodies(log)).items():
        assert sequences == list(range(sequences[0], writer.count + 2)), subject
    assert relay.metric(CONNECTIONS) == 1, "no connection is lost over a log"
    eventually(lambda: relay.reasons() == "", because="it is ready again")


def test_another_logs_messages_flow_while_one_is_deleted_again_and_again(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    commands = f"{service}.to.ward"
    relay = start_relay(postgres_outbox, **SMALL).until_ready()
    with Writer(postgres_outbox, service) as writer:
        for number in range(1, 6):
            postgres_outbox.write([Message(commands, "saga", number, b"saga %d" % number)])
            eventually(lambda: broker.exists(commands), because="it is declared")
            broker.delete(commands)
            flows(relay)
    until_delivered(postgres_outbox)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(writer.count)


def test_a_log_that_became_another_one_while_nobody_looked_takes_what_follows(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    log = f"{service}.events"
    relay = start_relay(postgres_outbox).until_ready()
    postgres_outbox.write(events(service, 2))
    until_delivered(postgres_outbox)
    relay.send(signal.SIGSTOP)
    broker.delete(log)
    broker.declare(log, **{"x-queue-type": "stream"})
    postgres_outbox.write(events(service, 2, first=3))
    relay.send(signal.SIGCONT)
    until_delivered(postgres_outbox)
    assert in_order_of_subject(broker.bodies(log)) == {subject: [3, 4] for subject in SUBJECTS}


def test_confirms_in_pieces_and_late_are_confirms(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    with SlowStreams(broker) as slow:
        relay = start_relay(postgres_outbox, **SMALL, **slow.settings(broker)).until_ready()
        postgres_outbox.write(events(service, 30))
        until_delivered(postgres_outbox, within_s=60)
    bodies = broker.bodies(f"{service}.events")
    assert in_order_of_subject(bodies) == everything(30)
    assert len(bodies) == len(set(bodies))
    assert relay.metric(CONNECTIONS) == 1


def test_a_confirm_that_never_comes_is_not_waited_for_while_others_come(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    """As of a log without a majority of its replicas: it is tried again, and others go on."""
    with ForgetfulStreams(broker) as forgetful:
        relay = start_relay(postgres_outbox, **SMALL, **forgetful.settings(broker)).until_ready()
        commands = [Message(f"{service}.to.ward", "saga", number, b"saga %d" % number) for number in (1, 2)]
        postgres_outbox.write(commands)
        eventually(lambda: forgetful.kept == 1, because="a confirm is lost")
        with Writer(postgres_outbox, service, pause_s=0.1) as writer:
            eventually(lambda: relay.metric("outbox_relay_returned_total") > 0, because="it is given up", within_s=50)
            flows(relay)
        until_delivered(postgres_outbox)
    assert relay.metric(CONNECTIONS) == 1
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(writer.count)
    assert in_order_of_subject(broker.bodies(f"{service}.to.ward")) == {"saga": [1, 2]}


def test_an_error_of_one_message_holds_back_its_subject_and_nothing_else(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    with RefusingStreams(broker) as refusing:
        postgres_outbox.write(events(service, 5))
        one_of_each = {"RELAY_BATCH_ROWS": str(len(SUBJECTS)), "RELAY_WINDOWS": "1"}
        later = {f"RELAY_BACKOFF_{name}_S": "5" for name in ("FIRST", "LONGEST", "RECONNECT_LONGEST")}
        relay = start_relay(postgres_outbox, **one_of_each, **later, **refusing.settings(broker))
        eventually(lambda: postgres_outbox.waiting() == 5, because="all but one subject have gone")
        assert f"subject {SUBJECTS[0]}: {service}.events refuses its messages" in relay.reasons()
        until_delivered(postgres_outbox, within_s=15)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(5)
    assert relay.metric("outbox_relay_refused_total") == 1
    assert relay.metric(CONNECTIONS) == 1


def test_a_message_larger_than_a_frame_holds_back_its_subject_and_nothing_else(
    postgres_outbox: PostgresOutbox,
    service: str,
    start_relay: StartRelay,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rabbitmq_configuration, "STREAM_FRAME_MAX_BYTES", FRAME_MAX_BYTES)
    with RabbitMQServer(tmp_path / "rabbitmq") as server:
        where = {"RABBITMQ_URL": server.url, "RABBITMQ_STREAM_PORT": str(server.stream_port)}
        relay = start_relay(postgres_outbox, **where).until_ready()
        log = f"{service}.events"
        too_large, fits = Message(log, "large", 1, b"l" * FRAME_MAX_BYTES), Message(log, "fits", 1, b"f" * 1_048_000)
        postgres_outbox.write([too_large, Message(log, "large", 2, b"large 2"), fits, *events(service, 3)])
        eventually(lambda: postgres_outbox.waiting() == 2, because="all others have gone")
        words = f"the broker takes frames of {FRAME_MAX_BYTES}: raise its `stream.frame_max`"
        eventually(lambda: "subject large: " in relay.reasons() and words in relay.reasons(), because="it says why")
        bodies = Broker(server.url).bodies(log)
        assert [len(body) for body in bodies if body.startswith("f")] == [1_048_000]
        assert in_order_of_subject([body for body in bodies if not body.startswith("f")]) == everything(3)
        postgres_outbox.session.execute("DELETE FROM outbox WHERE sequence = 1")
        until_delivered(postgres_outbox)
        eventually(lambda: relay.reasons() == "", because="nothing is held back any more")


def test_a_broker_that_is_frozen_is_given_up_and_goes_on_when_it_wakes(
    postgres_outbox: PostgresOutbox, broker: Broker, node: RabbitMQServer, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(postgres_outbox, **SMALL).until_ready()
    with Writer(postgres_outbox, service) as writer:
        flows(relay)
        node.processes[-1].send(signal.SIGSTOP)
        try:
            eventually(lambda: "the broker was silent" in relay.reasons(), because="it is given up", within_s=40)
        finally:
            node.processes[-1].send(signal.SIGCONT)
    until_delivered(postgres_outbox, within_s=15)
    bodies = broker.bodies(f"{service}.events")
    assert in_order_of_subject(bodies) == everything(writer.count)
    assert len(bodies) - len(set(bodies)) <= BATCH_ROWS * WINDOWS
    eventually(lambda: relay.reasons() == "", because="it is ready again")


def test_a_full_disk_of_the_brokers_holds_everything_back_until_there_is_room(
    postgres_outbox: PostgresOutbox, broker: Broker, node: RabbitMQServer, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(postgres_outbox, **SMALL).until_ready()
    postgres_outbox.write(events(service, 2))
    until_delivered(postgres_outbox)
    evaluate(node, 'rabbit_disk_monitor:set_disk_free_limit("100000GB")')
    try:
        eventually(lambda: "disk" in evaluate(node, "rabbit_alarm:get_alarms()"), because="there is an alarm")
        postgres_outbox.write(events(service, 10, first=3))
        eventually(lambda: relay.metric(CONNECTIONS) > 1, because="the connection is given up", within_s=50)
        eventually(lambda: "it cannot be written" in relay.reasons(), because="it says that nothing can be written")
    finally:
        evaluate(node, 'rabbit_disk_monitor:set_disk_free_limit("50MB")')
    until_delivered(postgres_outbox, within_s=15)
    bodies = broker.bodies(f"{service}.events")
    assert in_order_of_subject(bodies) == everything(12)
    assert len(bodies) - len(set(bodies)) <= BATCH_ROWS * WINDOWS


def test_a_relay_stays_where_it_was_told_to_connect_when_the_leader_is_there(
    postgres_outbox: PostgresOutbox, broker: Broker, node: RabbitMQServer, service: str, start_relay: StartRelay
) -> None:
    """The node says that it is elsewhere; whatever stands before it is not passed by."""
    with Proxy(node.stream_port) as proxy:
        relay = start_relay(postgres_outbox, RABBITMQ_STREAM_PORT=str(proxy.port)).until_ready()
        postgres_outbox.write(events(service, 2))
        until_delivered(postgres_outbox)
        proxy.cut()
        postgres_outbox.write(events(service, 2, first=3))
        eventually(lambda: relay.metric('outbox_relay_not_ready{reason="broker_away"}') == 1, because="it is cut off")
        confirmed = relay.metric(CONFIRMED)
        eventually(lambda: relay.metric('outbox_relay_errors_total{server="broker"}') > 4, because="it tries again")
        assert relay.metric(CONFIRMED) == confirmed
        proxy.restore()
        until_delivered(postgres_outbox)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(4)
