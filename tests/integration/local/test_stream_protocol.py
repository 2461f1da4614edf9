"""A private broker speaks the stream protocol, by which, too, a service's user reaches nothing but what it may."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from local.errors import LocalError
from local.ports import free_port
from local.servers import ExternalRabbitMQ, RabbitMQServer
from local.servers.rabbitmq_configuration import ADMINISTRATOR, MESSAGE_MAX_BYTES, STREAM_FRAME_MAX_BYTES
from tests.integration.local.stream_client import ACCESS_REFUSED, OK, StreamClient

USERS = {"lab": [], "ward": ["lab", "lab.to.ward"], "chart": ["lab"]}


class Users:
    """A broker, and a connection of each of its users."""

    def __init__(self, server: RabbitMQServer, stack: ExitStack) -> None:
        self._server, self._stack = server, stack

    def connect(self, user: str) -> StreamClient:
        return self._stack.enter_context(StreamClient(self._server.url_of(user), self._server.stream_port))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQServer]:
    """A broker on which lab has a log of events and one of commands to ward."""
    with RabbitMQServer(tmp_path_factory.mktemp("rabbitmq"), users=USERS) as server:
        with ExitStack() as stack:
            lab = Users(server, stack).connect("lab")
            assert [lab.create(log) for log in ("lab.events", "lab.to.ward")] == [OK, OK]
        yield server


@pytest.fixture
def users(server: RabbitMQServer) -> Iterator[Users]:
    with ExitStack() as stack:
        yield Users(server, stack)


def test_a_service_writes_its_own_logs_and_whoever_may_reads_them(users: Users) -> None:
    lab = users.connect("lab")
    assert lab.publish("lab.events", b"a result") == OK
    for reader in map(users.connect, ("chart", "ward")):
        assert reader.subscribe("lab.events") == OK
        assert b"a result" in reader.next_chunk()
    assert users.connect("ward").subscribe("lab.to.ward") == OK


@pytest.mark.parametrize("log", ["lab.events", "lab.to.ward"])
def test_a_service_writes_to_nobody_elses_log(users: Users, log: str) -> None:
    assert users.connect("ward").publish(log, b"a forged one") == ACCESS_REFUSED


@pytest.mark.parametrize(("user", "answer"), [("chart", ACCESS_REFUSED), ("ward", OK), ("lab", OK)])
def test_what_is_said_between_two_is_read_by_these_two_alone(users: Users, user: str, answer: int) -> None:
    assert users.connect(user).subscribe("lab.to.ward") == answer


def test_a_service_creates_and_deletes_its_own_logs_and_nobody_elses(users: Users) -> None:
    ward = users.connect("ward")
    assert [ward.create(log) for log in ("ward.events.1", "ward.to.lab")] == [OK, OK]
    assert [ward.delete(log) for log in ("ward.events.1", "ward.to.lab")] == [OK, OK]
    refused = [ward.create(log) for log in ("chart.events", "lab.to.ward.1", "ward.to", "anything")]
    assert refused == [ACCESS_REFUSED] * 4
    assert [ward.delete(log) for log in ("lab.events", "lab.to.ward")] == [ACCESS_REFUSED] * 2


def test_the_largest_message_fits_into_a_frame(users: Users) -> None:
    lab = users.connect("lab")
    assert lab.frame_max_bytes == STREAM_FRAME_MAX_BYTES  # what clients keep to: RabbitMQ takes larger ones, too
    assert lab.publish("lab.to.ward", b"x" * MESSAGE_MAX_BYTES) == OK


def test_a_client_is_sent_to_the_node_where_it_can_be_reached(users: Users, server: RabbitMQServer) -> None:
    assert users.connect("chart").leader("lab.events") == ("127.0.0.1", server.stream_port)


def test_a_node_is_ready_when_it_also_speaks_the_stream_protocol(
    server: RabbitMQServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.wait_until_ready()
    monkeypatch.setattr(server, "stream_port", free_port())
    with pytest.raises(LocalError, match="did not get ready"):
        server.wait_until_ready(deadline_s=0.3)


def test_a_broker_that_was_given_is_ready_when_it_speaks_what_was_said_of_it(server: RabbitMQServer) -> None:
    ExternalRabbitMQ(server.url).wait_until_ready()
    ExternalRabbitMQ(server.url, stream_port=server.stream_port).wait_until_ready()
    with pytest.raises(LocalError, match="did not get ready"):
        ExternalRabbitMQ(server.url, stream_port=free_port()).wait_until_ready(deadline_s=0.3)


def test_a_killed_node_speaks_it_again_on_the_same_port(tmp_path: Path) -> None:
    with RabbitMQServer(tmp_path) as server, ExitStack() as stack:
        users = Users(server, stack)
        users.connect(ADMINISTRATOR)
        server.kill()
        with pytest.raises(ConnectionRefusedError):
            users.connect(ADMINISTRATOR)
        server.start()
        assert users.connect(ADMINISTRATOR).create("lab.events") == OK
