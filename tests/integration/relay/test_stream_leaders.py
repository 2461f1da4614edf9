"""The leader of a log may be at any node: the relay finds it, follows it, and finds it behind a load balancer."""

import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from infirmary_streams.address import StreamAddress
from infirmary_streams.conversation import Conversation
from local.servers import rabbitmq
from local.servers.rabbitmq_configuration import STREAM_FRAME_MAX_BYTES, VHOST, stream_configuration
from tests.broker_cluster import BrokerCluster, ClusterNode
from tests.chaos.proxy import Proxy
from tests.erlang import evaluate
from tests.eventually import eventually
from tests.integration.relay.broker import Broker
from tests.integration.relay.conftest import StartRelay
from tests.integration.relay.events import events, everything, in_order_of_subject, until_delivered
from tests.integration.relay.outboxes import Message, PostgresOutbox
from tests.integration.relay.process import RelayProcess
from tests.integration.relay.writer import Writer, flows

pytestmark = pytest.mark.timeout(300)

GOES_ON_WITHIN_S = 15.0


class Balancer(Proxy):
    """Gives each connection to the next node; one that is down is left out only when it refuses."""

    def __init__(self, ports: list[int]) -> None:
        super().__init__(ports[0])
        self._ports = itertools.cycle(ports)

    def _next_port(self) -> int:
        return next(self._ports)


@dataclass
class Nodes:
    """A cluster, and before each node's streams a way of its own: the one that the broker tells of.

    Attributes:
        ways: By the node's own port.
    """

    cluster: BrokerCluster
    ways: dict[int, Proxy]

    def settings(self, node: ClusterNode) -> dict[str, str]:
        """Returns what leads a relay to a node."""
        return {"RABBITMQ_URL": node.url, "RABBITMQ_STREAM_PORT": str(self.ways[node.stream_port].port)}

    def leader(self, log: str) -> ClusterNode | None:
        """Returns the node that leads a log now, as the others say."""
        for node in self.cluster.nodes:
            if node.processes[-1].pid is None:
                continue
            with talk(node) as conversation:
                leader = conversation.placements(log)[log].leader
            if leader is not None:
                return next(each for each in self.cluster.nodes if self.ways[each.stream_port].port == leader.port)
        return None

    def create(self, log: str, node: ClusterNode) -> None:
        """Makes a log whose leader is at a node, and waits until it can be killed."""
        with talk(node) as conversation:
            conversation.create(log, {"queue-leader-locator": "client-local"})
            eventually(lambda: len(conversation.placements(log)[log].replicas) == 2, because="it has its replicas")
        declared_at = time.monotonic()
        eventually(lambda: time.monotonic() > declared_at + 1, because="its declaration is on the disks")
        assert self.leader(log) is node


def talk(node: ClusterNode) -> Conversation:
    return Conversation(StreamAddress.beside(node.url, node.stream_port), name="test", timeout_s=10)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with ExitStack() as stack:
        cluster = BrokerCluster(tmp_path_factory.mktemp("cluster"))
        ways = {node.stream_port: stack.enter_context(Proxy(node.stream_port)) for node in cluster.nodes}
        told = stack.enter_context(pytest.MonkeyPatch.context())
        told.setattr(
            rabbitmq, "stream_configuration", lambda listener, port: stream_configuration(listener, ways[port].port)
        )
        yield Nodes(stack.enter_context(cluster), ways)


@pytest.fixture
def log(service: str) -> str:
    return f"{service}.events"


def goes_on(relay: RelayProcess, outbox: PostgresOutbox) -> None:
    began = time.monotonic()
    flows(relay, within_s=GOES_ON_WITHIN_S)
    print(f"it goes on after {time.monotonic() - began:.1f} s, {outbox.waiting()} wait")


def test_the_relay_connects_to_the_leader_when_that_is_at_another_node(
    nodes: Nodes, postgres_outbox: PostgresOutbox, service: str, log: str, start_relay: StartRelay
) -> None:
    named, _, leading = nodes.cluster.nodes
    nodes.create(log, leading)
    relay = start_relay(postgres_outbox, **nodes.settings(named)).until_ready()
    with Writer(postgres_outbox, service) as writer:
        flows(relay)
        nodes.ways[leading.stream_port].cut()
        eventually(lambda: relay.reasons(), because="its messages take the way that the broker has told")
        nodes.ways[leading.stream_port].restore()
        goes_on(relay, postgres_outbox)
    until_delivered(postgres_outbox)
    assert in_order_of_subject(Broker(named.url).bodies(log)) == everything(writer.count)


def test_messages_go_on_in_order_when_the_leader_moves_while_its_node_lives(
    nodes: Nodes, postgres_outbox: PostgresOutbox, service: str, log: str, start_relay: StartRelay
) -> None:
    named, leading, _ = nodes.cluster.nodes
    nodes.create(log, leading)
    relay = start_relay(postgres_outbox, **nodes.settings(named)).until_ready()
    with Writer(postgres_outbox, service) as writer:
        flows(relay)
        name = (leading.processes[-1].environment or {})["RABBITMQ_NODENAME"]
        evaluate(named, f'rabbit_stream_queue:delete_replica(<<"{VHOST}">>, <<"{log}">>, \'{name}\')')
        goes_on(relay, postgres_outbox)
        eventually(lambda: nodes.leader(log) not in (None, leading), because="another node leads", within_s=30)
        goes_on(relay, postgres_outbox)
    until_delivered(postgres_outbox)
    assert in_order_of_subject(Broker(named.url).bodies(log)) == everything(writer.count)
    eventually(lambda: relay.reasons() == "", because="it is ready again")


@pytest.mark.parametrize("behind", ["a node's address", "a load balancer"])
def test_messages_go_on_in_order_when_the_leaders_node_is_killed(
    nodes: Nodes, postgres_outbox: PostgresOutbox, service: str, log: str, start_relay: StartRelay, behind: str
) -> None:
    """Behind the load balancer no node can be reached where the broker says that it is."""
    named, _, leading = nodes.cluster.nodes
    nodes.create(log, leading)
    with ExitStack() as stack:
        settings = nodes.settings(named)
        if behind == "a load balancer":
            streams, amqp = (
                stack.enter_context(Balancer([getattr(node, port) for node in nodes.cluster.nodes]))
                for port in ("stream_port", "port")
            )
            for way in nodes.ways.values():
                way.cut()
                stack.callback(way.restore)
            settings = {"RABBITMQ_URL": amqp.url(named.url), "RABBITMQ_STREAM_PORT": str(streams.port)}
        relay = start_relay(postgres_outbox, **settings).until_ready()
        with Writer(postgres_outbox, service) as writer:
            flows(relay)
            leading.kill()
            try:
                goes_on(relay, postgres_outbox)
                flows(relay)
            finally:
                leading.start()
        until_delivered(postgres_outbox, within_s=60)
    assert in_order_of_subject(Broker(named.url).bodies(log)) == everything(writer.count)


WITH_FRAMES_OF = """begin
    application:stop(rabbitmq_stream),
    application:set_env(rabbitmq_stream, frame_max, {bytes}),
    application:start(rabbitmq_stream)
end"""


def test_a_message_larger_than_the_leaders_frames_holds_back_its_subject_and_closes_no_connection(
    nodes: Nodes, postgres_outbox: PostgresOutbox, service: str, log: str, start_relay: StartRelay
) -> None:
    """The node that is named takes it."""
    named, _, leading = nodes.cluster.nodes
    nodes.create(log, leading)
    evaluate(leading, WITH_FRAMES_OF.format(bytes=65536))
    try:
        relay = start_relay(postgres_outbox, **nodes.settings(named)).until_ready()
        large = [Message(log, "large", 1, b"l" * 100_000), Message(log, "large", 2, b"large 2")]
        postgres_outbox.write([*large, *events(service, 3)])
        eventually(lambda: postgres_outbox.waiting() == 2, because="all others have gone", within_s=30)
        words = "the broker takes frames of 65536: raise its `stream.frame_max`"
        eventually(lambda: "subject large: " in relay.reasons() and words in relay.reasons(), because="it says why")
        assert relay.metric('outbox_relay_connections_total{server="broker"}') == 1
    finally:
        evaluate(leading, WITH_FRAMES_OF.format(bytes=STREAM_FRAME_MAX_BYTES))
    assert in_order_of_subject(Broker(named.url).bodies(log)) == everything(3)
