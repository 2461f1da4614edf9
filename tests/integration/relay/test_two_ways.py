"""Logs go to the broker by the stream protocol and queues by AMQP: what stops one of the two ways leaves the other."""

from collections.abc import Iterator

import pytest

from local.servers.choice import Servers
from local.servers.rabbitmq import RabbitMQServer
from tests.erlang import evaluate
from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject, until_delivered
from tests.integration.relay.outboxes import Message, PostgresOutbox

BATCH_ROWS = 10


@pytest.fixture
def memory_is_short(servers: Servers, broker: Broker) -> Iterator[RabbitMQServer]:
    """The broker, which has a memory alarm: it blocks who publishes by AMQP, and goes on to take what streams bring."""
    if not isinstance(servers.rabbitmq, RabbitMQServer) or not broker.stream_port:
        pytest.skip("the broker is not ours, or does not speak the stream protocol")
    evaluate(servers.rabbitmq, "vm_memory_monitor:set_vm_memory_high_watermark(0.0001)")
    yield servers.rabbitmq
    ends(servers.rabbitmq)


def ends(alarm: RabbitMQServer) -> None:
    evaluate(alarm, "vm_memory_monitor:set_vm_memory_high_watermark(0.4)")


def test_logs_go_on_while_an_alarm_blocks_the_way_of_the_queues_which_goes_on_after_it(
    postgres_outbox: PostgresOutbox,
    broker: Broker,
    memory_is_short: RabbitMQServer,
    service: str,
    start_relay: StartRelay,
) -> None:
    log, queue = f"{service}.events", f"{service}.inbox"
    broker.declare(queue)
    relay = start_relay(postgres_outbox, RELAY_BATCH_ROWS=str(BATCH_ROWS)).until_ready()
    postgres_outbox.write([Message(queue, "q", 1, b"q 1")])
    eventually(lambda: "the broker takes nothing" in relay.reasons(), because="it has heard of the alarm")
    queued = 5 * BATCH_ROWS
    postgres_outbox.write([Message(queue, "q", number, b"q %d" % number) for number in range(2, queued + 1)])
    postgres_outbox.write(events(service, 10))
    eventually(lambda: postgres_outbox.waiting() == queued, because="logs go on, and no queue does")
    assert in_order_of_subject(broker.bodies(log)) == everything(10)
    ends(memory_is_short)
    until_delivered(postgres_outbox, within_s=10)
    assert broker.bodies(queue, stream=False) == [f"q {number}" for number in range(1, queued + 1)]
    eventually(lambda: relay.reasons() == "", because="it is ready again")
