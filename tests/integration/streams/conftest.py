"""A node for these tests, and logs that end with a test."""

import contextlib
from collections.abc import Iterator

import pytest

from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import RefusedError
from local.servers.choice import Servers
from local.servers.rabbitmq import RabbitMQServer
from tests.integration.streams.client import TIMEOUT_S, Client
from tests.integration.streams.node import StreamNode

LOG = "ward.events"


@pytest.fixture(scope="session")
def node(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamNode]:
    """A broker that speaks streams, with and without TLS."""
    if not isinstance(servers.rabbitmq, RabbitMQServer):
        pytest.skip("needs a RabbitMQ that is installed on this machine")
    with StreamNode(tmp_path_factory.mktemp("stream-node")) as node:
        yield node


@pytest.fixture
def conversation(node: StreamNode) -> Iterator[Conversation]:
    """The administrator's."""
    with Conversation(node.address(), name="test", timeout_s=TIMEOUT_S) as conversation:
        yield conversation


@pytest.fixture
def log(conversation: Conversation) -> Iterator[str]:
    """An empty log of the ward's."""
    conversation.create(LOG, {})
    yield LOG
    with contextlib.suppress(RefusedError):
        conversation.delete(LOG)


@pytest.fixture
def client(node: StreamNode) -> Iterator[Client]:
    """The administrator's."""
    with Client(node.address()) as client:
        yield client
