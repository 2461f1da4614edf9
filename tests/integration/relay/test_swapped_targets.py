"""What a target confirms that became something else while the relay is connected stays in the outbox.

By AMQP the relay has to look; by the stream protocol nothing but a log can confirm.
"""

import pytest

from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import OVER_BOTH, StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject, until_delivered
from tests.integration.relay.outboxes import Message, PostgresOutbox

QUORUM, STREAM, CLASSIC = {"x-queue-type": "quorum"}, {"x-queue-type": "stream"}, {"x-queue-type": "classic"}


@OVER_BOTH
@pytest.mark.parametrize(
    ("name", "becomes"), [(".events.1", CLASSIC), (".events.1", QUORUM), (".to.ward", CLASSIC), (".to.ward", QUORUM)]
)
def test_what_a_stand_in_confirms_stays_and_goes_out_when_the_target_is_itself_again(
    postgres_outbox: PostgresOutbox,
    broker: Broker,
    service: str,
    start_relay: StartRelay,
    name: str,
    becomes: dict[str, str],
) -> None:
    target = service + name
    relay = start_relay(postgres_outbox).until_ready()
    postgres_outbox.write([Message(target, "p", 1, b"p 1")])
    until_delivered(postgres_outbox)
    broker.delete(target)
    broker.declare(target, **becomes)
    postgres_outbox.write([Message(target, "p", number, b"p %d" % number) for number in range(2, 12)])
    eventually(lambda: f"target {target}: {target} is not what its name says" in relay.reasons(), because="it says so")
    assert postgres_outbox.waiting() == 10
    postgres_outbox.write(events(service, 2))
    eventually(lambda: postgres_outbox.waiting() == 10, because="all others go on")
    broker.delete(target)
    until_delivered(postgres_outbox, within_s=10)
    eventually(lambda: relay.reasons() == "", because="it is ready again")
    assert in_order_of_subject(broker.bodies(target)) == {"p": list(range(2, 12))}
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(2)


@OVER_BOTH
def test_a_log_swapped_under_load_is_noticed(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    log = f"{service}.events"
    relay = start_relay(postgres_outbox, RELAY_BATCH_ROWS="10").until_ready()
    postgres_outbox.write(events(service, 100))
    until_delivered(postgres_outbox)
    looked_for_s = 10
    broker.delete(log)
    broker.declare(log, **CLASSIC)
    postgres_outbox.write(events(service, 300, first=101))
    eventually(lambda: "is not what its name says" in relay.reasons(), because="it says so", within_s=looked_for_s)
    broker.delete(log)
    until_delivered(postgres_outbox)
