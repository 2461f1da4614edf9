"""A log is read at a node that has it: one that is connected, one that is where it says, or one met by chance."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from infirmary.consumer.streams import broker as streams
from infirmary.consumer.streams.broker import StreamBroker
from infirmary.consumer.unreadable import Unreadable
from infirmary_streams import codes
from infirmary_streams.address import StreamAddress
from infirmary_streams.commands import Endpoint, Placement
from infirmary_streams.errors import RefusedError, StreamLostError

GIVEN = StreamAddress("balancer", 5552, "user", "password", "/")
A, B, C = (Endpoint(name, 5552) for name in ("a", "b", "c"))
LOG = "ward.events"


class Cluster:
    """Nodes that can be reached where they say that they are, or at the given address by turns."""

    def __init__(self, *behind: Endpoint, reachable: tuple[Endpoint, ...] = ()) -> None:
        self.behind, self.reachable = list(behind), reachable
        self.placement = Placement(codes.OK, A)
        self.refuses: int | None = None
        self.tried: list[Endpoint] = []
        self.nodes: list[FakeNode] = []

    def connect(self, address: StreamAddress) -> "FakeNode":
        self.tried.append(address.endpoint)
        if address.endpoint == GIVEN.endpoint:
            self.behind.append(self.behind.pop(0))
            return FakeNode(self, self.behind[-1])
        if address.endpoint not in self.reachable:
            raise StreamLostError(f"nobody at {address.endpoint}")
        return FakeNode(self, address.endpoint)


class FakeNode:
    has_room = True

    def __init__(self, cluster: Cluster, advertised: Endpoint) -> None:
        self.cluster, self.advertised = cluster, advertised
        self.receivers: list[Any] = []
        self.lost = self.closed = False
        self.ends = socket.socketpair()
        cluster.nodes.append(self)

    @property
    def is_idle(self) -> bool:
        return not self.receivers

    def fileno(self) -> int:
        return self.ends[0].fileno()

    def placements(self, logs: list[str]) -> dict[str, Placement]:
        return dict.fromkeys(logs, self.cluster.placement)

    def subscribe(self, receiver: Any, _begin: object) -> None:
        if self.cluster.refuses is not None:
            raise RefusedError(receiver.log, self.cluster.refuses)
        self.receivers.append(receiver)

    def take_in(self) -> None:
        if self.lost:
            raise StreamLostError("it is gone")

    def cancel_all(self) -> None:
        for receiver in self.receivers:
            receiver.cancelled = True

    def close(self) -> None:
        self.closed = True
        for end in self.ends:
            end.close()


Open = Callable[[Cluster], StreamBroker]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Open:
    def open_on(cluster: Cluster) -> StreamBroker:
        monkeypatch.setattr(StreamBroker, "_connect", lambda _, address: cluster.connect(address))
        broker = StreamBroker(GIVEN, "counting", lambda: pytest.fail("nobody asks by AMQP"))
        request.addfinalizer(broker.close)
        return broker

    return open_on


def test_who_is_not_let_in_is_told_which_settings_say_who_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_broker: StreamBroker, _address: StreamAddress) -> None:
        raise StreamLostError("user reader: authentication failed")

    monkeypatch.setattr(StreamBroker, "_connect", refused)
    with pytest.raises(
        StreamLostError, match=r"authentication failed\. RABBITMQ_URL says who .*RABBITMQ_STREAM_PORT where"
    ):
        StreamBroker(GIVEN, "counting", lambda: pytest.fail("nobody asks by AMQP"))


def read_at(cluster: Cluster) -> list[Endpoint]:
    return [node.advertised for node in cluster.nodes if node.receivers]


def test_a_single_node_is_read_where_it_was_reached_whatever_it_says_its_name_is(opened: Open) -> None:
    cluster = Cluster(A)
    opened(cluster).subscribe(LOG, 300, "first")
    assert (read_at(cluster), cluster.tried) == ([A], [GIVEN.endpoint])


def test_a_replica_that_is_connected_is_as_good_as_the_leader(opened: Open) -> None:
    cluster = Cluster(B)
    cluster.placement = Placement(codes.OK, A, [B, C])
    opened(cluster).subscribe(LOG, 300, 17)
    assert (read_at(cluster), len(cluster.tried)) == ([B], 1)


def test_where_a_log_ends_for_its_writer_is_asked_of_its_leader_alone(opened: Open) -> None:
    """A replica that lags far behind ends before what was read elsewhere: so does a log that was made anew."""
    cluster = Cluster(B, reachable=(A,))
    cluster.placement = Placement(codes.OK, A, [B, C])
    broker = opened(cluster)
    broker.subscribe(LOG, 300, 17)
    broker.subscribe(LOG, 300, "last")
    assert read_at(cluster) == [B]
    broker.subscribe(LOG, 300, "end")
    assert read_at(cluster) == [B, A]
    cluster.placement = Placement(codes.OK, None, [B, C])
    with pytest.raises(Unreadable, match="no node has it now") as unreadable:
        broker.subscribe(LOG, 300, "end")
    assert unreadable.value.kind == "failing"


def test_another_node_is_looked_for_where_it_says_that_it_is_and_its_connection_is_shared(opened: Open) -> None:
    cluster = Cluster(B, reachable=(A,))
    broker = opened(cluster)
    broker.subscribe(LOG, 300, "first")
    broker.subscribe("lab.events", 300, "first")
    assert (read_at(cluster), cluster.tried) == ([A], [GIVEN.endpoint, A])


def test_behind_a_balancer_connections_are_made_until_the_right_node_answers(opened: Open) -> None:
    cluster = Cluster(B, C, A)
    broker = opened(cluster)
    broker.subscribe(LOG, 300, "first")
    assert read_at(cluster) == [A]
    assert [node.advertised for node in cluster.nodes if node.closed] == [C]
    cluster.placement = Placement(codes.OK, Endpoint("d", 5552))
    with pytest.raises(Unreadable, match="d:5552, which cannot be reached") as unreadable:
        broker.subscribe("lab.events", 300, "first")
    assert unreadable.value.kind == "failing"
    tried = len(cluster.tried)
    with pytest.raises(Unreadable):
        broker.subscribe("lab.events", 300, "first")
    assert len(cluster.tried) - tried == streams.TRIES_BEHIND_A_BALANCER, "nobody was at d a moment ago"


def test_a_node_that_is_lost_ends_its_subscriptions_and_the_first_one_ends_the_session(opened: Open) -> None:
    cluster = Cluster(B, reachable=(A,))
    broker = opened(cluster)
    subscription = broker.subscribe(LOG, 300, "first")
    cluster.nodes[1].lost = True
    broker.heartbeat()
    assert (subscription.cancelled, cluster.nodes[1].closed) == (True, True)
    assert not broker.subscribe(LOG, 300, "first").cancelled
    cluster.nodes[0].lost = True
    with pytest.raises(StreamLostError):
        broker.heartbeat()


def test_a_node_that_nothing_is_read_from_any_more_is_left(opened: Open) -> None:
    cluster = Cluster(B, reachable=(A,))
    broker = opened(cluster)
    broker.subscribe(LOG, 300, "first")
    cluster.nodes[1].receivers.clear()
    broker.heartbeat()
    assert [node.closed for node in cluster.nodes] == [False, True]


@pytest.mark.parametrize(
    ("placement", "refuses", "kind"),
    [
        (Placement(codes.NO_SUCH_STREAM), None, "missing"),
        (Placement(codes.STREAM_NOT_AVAILABLE), None, "failing"),
        (Placement(codes.OK, A), codes.NO_SUCH_STREAM, "missing"),
        (Placement(codes.OK, A), codes.ACCESS_REFUSED, "refused"),
        (Placement(codes.OK, A), codes.STREAM_NOT_AVAILABLE, "failing"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_reason(
    opened: Open, placement: Placement, refuses: int | None, kind: str
) -> None:
    cluster = Cluster(A)
    cluster.placement, cluster.refuses = placement, refuses
    with pytest.raises(Unreadable) as unreadable:
        opened(cluster).subscribe(LOG, 300, "first")
    assert unreadable.value.kind == kind


def test_what_is_missing_for_long_and_is_a_queue_is_told_as_that(opened: Open) -> None:
    cluster = Cluster(A)
    cluster.placement = Placement(codes.NO_SUCH_STREAM)
    broker = opened(cluster)
    broker._by_amqp = Amqp  # type: ignore[assignment]
    kinds = []
    for _ in range(streams.LOOKS_BEFORE_ASKING):
        with pytest.raises(Unreadable) as unreadable:
            broker.subscribe(LOG, 300, "first")
        kinds.append(unreadable.value.kind)
    assert kinds == ["missing"] * (streams.LOOKS_BEFORE_ASKING - 1) + ["wrong_kind"]


class Amqp:
    def exists(self, name: str) -> bool:
        return name == LOG

    def close(self) -> None:
        """Nothing is open."""
