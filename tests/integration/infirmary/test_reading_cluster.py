"""A log that only one node of a cluster has is read there: where that node says that it is, or behind a balancer."""

import struct
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from infirmary.consumer.log_broker import LogBroker, LogSubscription
from infirmary.consumer.streams.broker import StreamBroker
from infirmary.consumer.unreadable import Unreadable
from infirmary.identifiers import new_id
from infirmary_streams import codes, commands, publishing
from infirmary_streams.address import StreamAddress
from infirmary_streams.link import Link
from infirmary_streams.sections import encoded, with_body
from tests.broker_cluster import ClusterNode
from tests.erlang import evaluate
from tests.eventually import eventually
from tests.integration.relay.test_stream_leaders import Balancer, Nodes, nodes, talk

__all__ = ["nodes"]

pytestmark = pytest.mark.timeout(300)


def message(number: int) -> bytes:
    sections = encoded(
        message_id=str(new_id()), source="ward", message_type="Told", subject="a", time=datetime.now(UTC)
    )
    return with_body(sections + struct.pack(">q", number), b"%d" % number)


def publish(node: ClusterNode, log: str, *numbers: int) -> None:
    """Publishes messages at the log's leader, and waits until it has them."""
    with closing(Link(talk(node))) as link:
        link.write(commands.declare_publisher(1, 1, log))
        entries = b"".join(
            publishing.entry_head(number, len(body)) + body for number in numbers for body in [message(number)]
        )
        link.write(publishing.publish_head(1, len(entries), len(numbers)) + entries)
        confirmed: set[int] = set()

        def has_all() -> bool:
            for key, payload in link.frames():
                if key == codes.PUBLISH_CONFIRM:
                    confirmed.update(publishing.confirmed(payload)[1])
            return confirmed == set(numbers)

        eventually(has_all, because="the broker confirms them")


def bodies(broker: LogBroker, subscription: LogSubscription, count: int) -> list[bytes]:
    found: list[bytes] = []

    def has_all() -> bool:
        broker.wait(0.1)
        deliveries = subscription.take(100)
        if deliveries:
            subscription.acknowledge(deliveries[-1])
        found.extend(delivery.body for delivery in deliveries)
        return len(found) >= count

    eventually(has_all, because="the messages come")
    return found


def by_amqp() -> None:
    pytest.fail("nobody asks by AMQP")


def reading(node: ClusterNode, port: int) -> StreamBroker:
    return StreamBroker(StreamAddress.beside(node.url, port), "counting", by_amqp)  # type: ignore[arg-type]


@pytest.fixture
def log(nodes: Nodes) -> Iterator[str]:
    """A log that only the last node has."""
    name = f"{new_id().hex}.events"
    with talk(nodes.cluster.nodes[-1]) as conversation:
        conversation.create(name, {"queue-leader-locator": "client-local", "initial-cluster-size": "1"})
    yield name
    with talk(nodes.cluster.nodes[-1]) as conversation:
        conversation.delete(name)


def test_a_log_at_another_node_is_read_there_and_again_when_the_connection_was_lost(nodes: Nodes, log: str) -> None:
    named, _, having = nodes.cluster.nodes
    publish(having, log, 1, 2, 3)
    with closing(reading(named, nodes.ways[named.stream_port].port)) as broker:
        subscription = broker.subscribe(log, 300, "first")
        assert bodies(broker, subscription, 3) == [b"1", b"2", b"3"]
        assert broker.subscribe(log, 300, "last").newest == 2
        nodes.ways[having.stream_port].reset()

        def is_lost() -> bool:
            broker.wait(0.1)
            broker.heartbeat()
            return subscription.cancelled

        eventually(is_lost, because="that node's connection is gone, and this one stands")
        publish(having, log, 4)
        again = broker.subscribe(log, 300, 2)
        assert bodies(broker, again, 2) == [b"3", b"4"]


def test_behind_a_balancer_that_hides_the_nodes_the_right_one_is_found(nodes: Nodes, log: str) -> None:
    named, _, having = nodes.cluster.nodes
    publish(having, log, 1)
    for way in nodes.ways.values():
        way.cut()
    try:
        with (
            Balancer([node.stream_port for node in nodes.cluster.nodes]) as balancer,
            closing(reading(named, balancer.port)) as broker,
        ):
            assert bodies(broker, broker.subscribe(log, 300, "first"), 1) == [b"1"]
        with closing(reading(named, named.stream_port)) as broker, pytest.raises(Unreadable, match="cannot be reached"):
            broker.subscribe(log, 300, "first")
    finally:
        for way in nodes.ways.values():
            way.restore()


def test_a_log_that_several_nodes_have_is_read_at_the_one_that_is_connected(nodes: Nodes) -> None:
    named, _, leading = nodes.cluster.nodes
    name = f"{new_id().hex}.events"
    nodes.create(name, leading)
    publish(leading, name, 1)
    for way in nodes.ways.values():
        way.cut()
    try:
        with closing(reading(named, named.stream_port)) as broker:
            assert bodies(broker, broker.subscribe(name, 300, "first"), 1) == [b"1"]
    finally:
        for way in nodes.ways.values():
            way.restore()


TO_A_REPLICA = """[sys:{do}(Each) || Each <- processes(),
    proc_lib:translate_initial_call(Each) =:= {{osiris_replica_reader, init, 1}},
    lists:any(fun(Of) -> is_pid(Of) andalso node(Of) =:= '{node}' end, tuple_to_list(sys:get_state(Each)))]"""
"""What a leader's node sends to the replicas of another node stands still, or goes on."""


def test_a_log_does_not_end_where_a_replica_that_lags_has_come_to(nodes: Nodes) -> None:
    """Whoever has read more of it elsewhere would take it for a log that was made anew."""
    lagging, _, leading = nodes.cluster.nodes
    node = (lagging.processes[-1].environment or {})["RABBITMQ_NODENAME"]
    name = f"{new_id().hex}.events"
    nodes.create(name, leading)
    publish(leading, name, 1, 2)
    with closing(reading(lagging, nodes.ways[lagging.stream_port].port)) as broker:
        assert bodies(broker, broker.subscribe(name, 300, "first"), 2) == [b"1", b"2"]
        evaluate(leading, TO_A_REPLICA.format(do="suspend", node=node))
        try:
            publish(leading, name, 3, 4)
            assert broker.subscribe(name, 300, "last").newest == 1
            assert broker.subscribe(name, 300, "end").newest == 3
        finally:
            evaluate(leading, TO_A_REPLICA.format(do="resume", node=node))
