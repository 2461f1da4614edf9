"""Whatever is killed, frozen or cut off: nothing is lost, order holds once duplicates are dropped, and it goes on."""

import signal
import threading
import time
from pathlib import Path

import pytest

from infirmary_relay.crash_points import POINTS
from local.servers.choice import Servers
from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject, until_delivered
from tests.integration.relay.outboxes import Outbox
from tests.integration.relay.process import RelayProcess


def owned(relay: RelayProcess) -> float:
    return relay.metric("outbox_relay_partitions_owned")


@pytest.mark.parametrize("point", POINTS)
def test_a_relay_killed_at_any_point_loses_nothing(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay, tmp_path: Path, point: str
) -> None:
    frozen = tmp_path / "frozen"
    victim = start_relay(outbox, RELAY_CRASH_POINT=point, RELAY_CRASH_FILE=str(frozen), RELAY_BATCH_ROWS="5")
    outbox.write(events(service, 3))
    eventually(frozen.exists, because=f"the relay comes to the point {point}")
    victim.kill()
    start_relay(outbox)
    until_delivered(outbox)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(3)


def test_two_relays_share_the_partitions_and_the_one_left_takes_them_back(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    first = start_relay(outbox).until_ready()
    eventually(lambda: owned(first) == 64, because="one relay owns all")
    second = start_relay(outbox).until_ready()
    eventually(lambda: owned(first) == owned(second) == 32, because="each owns half")
    outbox.write(events(service, 4))
    until_delivered(outbox)
    assert first.stop() == 0
    eventually(lambda: owned(second) == 64, because="the second owns all")
    outbox.write(events(service, 4, first=5))
    until_delivered(outbox)
    bodies = broker.bodies(f"{service}.events")
    assert in_order_of_subject(bodies) == everything(8)
    assert len(bodies) == len(set(bodies)), "a relay that leaves in good order repeats nothing"


@pytest.mark.parametrize(("number", "within_s"), [(signal.SIGKILL, 8.0), (signal.SIGSTOP, 10.0)])
def test_another_relay_takes_over_from_one_that_is_killed_or_frozen(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay, number: signal.Signals, within_s: float
) -> None:
    victim = start_relay(outbox).until_ready()
    eventually(lambda: owned(victim) == 64, because="one relay owns all")
    heir = start_relay(outbox).until_ready()
    eventually(lambda: owned(victim) == owned(heir) == 32, because="each owns half")
    victim.send(number)
    outbox.write(events(service, 4))
    began = time.monotonic()
    until_delivered(outbox, within_s=within_s)
    print(f"failover after {number.name}: {time.monotonic() - began:.2f} s")
    if number is signal.SIGSTOP:
        victim.send(signal.SIGCONT)
    outbox.write(events(service, 4, first=5))
    until_delivered(outbox)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(8)


def test_a_relay_whose_sessions_are_ended_starts_afresh(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(outbox).until_ready()
    for first in (1, 4, 7):
        outbox.end_sessions()
        outbox.write(events(service, 3, first=first))
        until_delivered(outbox)
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(9)
    eventually(lambda: relay.reasons() == "", because="it is ready again")


def test_the_broker_killed_while_messages_flow_loses_none_of_them(
    outbox: Outbox, broker: Broker, service: str, start_relay: StartRelay, servers: Servers
) -> None:
    relay = start_relay(outbox, RELAY_BATCH_ROWS="10").until_ready()
    time.sleep(1)  # a log killed within half a second of its declaration is lost by the broker itself
    writer = threading.Thread(target=lambda: [outbox.write(events(service, 1, first=n)) for n in range(1, 151)])
    writer.start()
    eventually(lambda: relay.metric("outbox_relay_confirmed_total") > 50, because="messages flow")
    servers.rabbitmq.kill()
    servers.rabbitmq.start()
    writer.join()
    until_delivered(outbox, within_s=60)
    arrived = eventually(lambda: broker.bodies(f"{service}.events"), because="the log can be read again")
    assert in_order_of_subject(arrived) == everything(150)
    eventually(lambda: relay.reasons() == "", because="it is ready again")
