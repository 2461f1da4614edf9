"""A row that another session has locked is not sent again and again, and stops nothing else."""

import psycopg

from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject, until_delivered
from tests.integration.relay.outboxes import Message, PostgresOutbox


def test_a_locked_row_is_sent_once_and_the_others_flow_on(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    log = f"{service}.to.ward"
    postgres_outbox.write([Message(log, "p", 1, b"locked")])
    with psycopg.connect(postgres_outbox.url) as holder:
        holder.execute("SELECT FROM outbox FOR UPDATE")
        relay = start_relay(postgres_outbox).until_ready()
        eventually(lambda: broker.exists(log) and broker.count(log) == 1, because="it is sent")
        for first in (1, 4, 7):
            postgres_outbox.write(events(service, 3, first=first))
            eventually(lambda: postgres_outbox.waiting() == 1, because="the others have gone", within_s=4)
        eventually(lambda: "another session has locked them" in relay.reasons(), because="it says so")
        holder.rollback()
    until_delivered(postgres_outbox, within_s=5)
    eventually(lambda: relay.reasons() == "", because="it is ready again")
    assert relay.metric('outbox_relay_connections_total{server="source"}') == 1
    assert broker.bodies(log) == ["locked"]
    arrived = broker.bodies(f"{service}.events")
    assert (in_order_of_subject(arrived), len(arrived)) == (everything(9), 63)


def test_a_table_that_is_locked_as_a_whole_is_waited_for(
    postgres_outbox: PostgresOutbox, broker: Broker, service: str, start_relay: StartRelay
) -> None:
    relay = start_relay(postgres_outbox).until_ready()
    turns = relay.metric("outbox_relay_turns_total")
    with psycopg.connect(postgres_outbox.url) as holder:
        holder.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
        eventually(lambda: "locked the outbox as a whole" in relay.reasons(), because="it says so")
        assert relay.metric('outbox_relay_not_ready{reason="locked"}') == 1
        eventually(lambda: relay.metric("outbox_relay_turns_total") > turns + 6, because="it lives", within_s=20)
    postgres_outbox.write(events(service, 2))
    until_delivered(postgres_outbox)
    assert relay.metric('outbox_relay_connections_total{server="source"}') == 1
    assert in_order_of_subject(broker.bodies(f"{service}.events")) == everything(2)
