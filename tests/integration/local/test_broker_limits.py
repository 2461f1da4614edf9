"""One service's user cannot take the connections, channels and queues of all others."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import amqp
import pytest

from local.servers import RabbitMQServer
from local.servers.rabbitmq_configuration import CHANNELS_PER_USER, CONNECTIONS_PER_USER, MOST_QUEUES
from tests.integration.local.stream_client import StreamClient
from tests.integration.local.test_private_servers import channel


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQServer]:
    with RabbitMQServer(tmp_path_factory.mktemp("rabbitmq"), users={"lab": [], "ward": []}) as server:
        yield server


def test_a_users_connections_come_to_an_end_and_others_still_connect(server: RabbitMQServer) -> None:
    with ExitStack() as stack:
        for _ in range(CONNECTIONS_PER_USER):
            stack.enter_context(channel(server.url_of("lab")))
        with pytest.raises((amqp.NotAllowed, amqp.AccessRefused), match="limit"):
            stack.enter_context(channel(server.url_of("lab")))
        stack.enter_context(channel(server.url_of("ward")))
        StreamClient(server.url_of("ward"), server.stream_port).__exit__(None, None, None)


def test_a_users_channels_come_to_an_end_and_others_still_get_one(server: RabbitMQServer) -> None:
    with channel(server.url_of("lab")) as first, channel(server.url_of("ward")) as other:
        for _ in range(CHANNELS_PER_USER - 1):
            first.connection.channel()
        with pytest.raises((amqp.NotAllowed, amqp.RecoverableConnectionError), match="limit"):
            first.connection.channel()
        other.connection.channel()


def test_a_virtual_hosts_queues_come_to_an_end(tmp_path: Path) -> None:
    with RabbitMQServer(tmp_path, users={"lab": []}) as own, channel(own.url_of("lab")) as lab:
        for number in range(MOST_QUEUES):
            lab.queue_declare(f"lab.to.peer{number}", durable=False, auto_delete=False)
        with pytest.raises(amqp.PreconditionFailed, match="limit"):
            lab.queue_declare("lab.to.one", durable=True, auto_delete=False, arguments={"x-queue-type": "stream"})
