"""A cluster of three brokers: what happens to a log whose leader's node is killed."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.servers import RabbitMQServer
from tests.broker_cluster import BrokerCluster, ClusterNode
from tests.eventually import eventually
from tests.integration.local.stream_client import OK, StreamClient

LOG = "lab.events"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[BrokerCluster]:
    """Three nodes."""
    with BrokerCluster(tmp_path, users={"lab": []}) as cluster:
        yield cluster


def lab(node: RabbitMQServer) -> StreamClient:
    return StreamClient(node.url_of("lab"), node.stream_port)


def leader(cluster: BrokerCluster, client: StreamClient) -> ClusterNode:
    led_by = client.leader(LOG)
    assert led_by is not None
    return cluster.node(led_by[1])


def test_a_log_is_led_by_another_node_when_its_leaders_node_is_killed(cluster: BrokerCluster) -> None:
    with lab(cluster.nodes[0]) as client:
        assert client.create(LOG) == OK
        eventually(lambda: len(client.replicas(LOG)) == 2, because="the log has a replica on each of the other nodes")
        led_by = client.leader(LOG)
        first = leader(cluster, client)
    with lab(first) as client:
        assert client.publish(LOG, b"before") == OK
    # A node that is killed within half a second of the declaration may forget the log.
    declared_at = time.monotonic()
    eventually(lambda: time.monotonic() > declared_at + 1.0, because="the declaration is on the disk")
    first.kill()

    survivor = next(node for node in cluster.nodes if node is not first)
    with lab(survivor) as client:
        eventually(lambda: client.leader(LOG) not in (None, led_by), because="another node leads the log", within_s=30)
        second = leader(cluster, client)
    with lab(second) as client:
        assert client.publish(LOG, b"after") == OK
        assert client.subscribe(LOG) == OK
        assert b"before" in client.next_chunk()
        assert b"after" in client.next_chunk()

    first.start()
    with lab(first) as client:
        back = ("127.0.0.1", first.stream_port)
        eventually(lambda: back in client.replicas(LOG), because="the first node follows the second one", within_s=30)
