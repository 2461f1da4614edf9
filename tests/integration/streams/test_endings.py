"""How connections end: closed by the broker, silent, frozen, or with somebody who speaks another protocol."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from infirmary_streams import codes, commands, conversation, transport
from infirmary_streams.address import StreamAddress
from infirmary_streams.conversation import Conversation
from infirmary_streams.errors import BrokerClosedError, StreamLostError
from infirmary_streams.link import Link
from local.ports import LOOPBACK
from tests.eventually import eventually
from tests.integration.streams.client import TIMEOUT_S, Client
from tests.integration.streams.node import WARD, StreamNode
from tests.integration.streams.stand_in import StandIn
from tests.unit.streams.described import frame

SHORT_S = 1.0
SLACK_S = 3.0
"""What a machine with other work may add to a deadline."""


def lost(client: Client) -> StreamLostError | None:
    """How a connection was lost; None while it is there."""
    try:
        client.gather()
    except StreamLostError as error:
        return error
    return None


def test_a_connection_that_an_operator_closes_is_lost(node: StreamNode, conversation: Conversation) -> None:
    with Client(node.address(WARD)) as client:
        node.close_connections()
        error = eventually(lambda: lost(client), because="the broker closes it")
    assert "closed the connection" in str(error)
    with pytest.raises(StreamLostError):
        conversation.placements("ward.events")


def test_a_broker_that_ends_the_connection_says_why(client: Client) -> None:
    client.link.write(commands.peer_properties(1, {}))  # known only before logging in
    error = eventually(lambda: lost(client), because="the broker closes it")
    assert isinstance(error, BrokerClosedError)
    assert error.code == codes.UNKNOWN_FRAME
    assert str(error) == "the broker closed the connection: 13 unknown frame"


@pytest.fixture
def short_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "HEARTBEAT_S", 1)
    monkeypatch.setattr(transport, "HEARTBEAT_S", 1)


@pytest.mark.usefixtures("short_heartbeat")
def test_a_link_that_is_looked_at_stays(client: Client) -> None:
    began = time.monotonic()
    eventually(lambda: lost(client) or time.monotonic() > began + 4, because="four heartbeats pass")
    assert lost(client) is None


@pytest.mark.usefixtures("short_heartbeat")
def test_a_link_that_nobody_looks_at_is_closed_by_the_broker(client: Client) -> None:
    with socket.socket(fileno=socket.dup(client.link.fileno())) as same:
        eventually(lambda: _is_at_its_end(same), because="the broker misses our heartbeats")
    assert isinstance(lost(client), StreamLostError)


@pytest.mark.usefixtures("short_heartbeat")
def test_a_broker_that_says_nothing_for_two_heartbeats_is_lost(node: StreamNode, client: Client) -> None:
    with node.frozen():
        error = eventually(lambda: lost(client), because="the broker is silent")
    assert "was silent for 2 s" in str(error)


def test_every_question_to_a_frozen_broker_ends_in_time(node: StreamNode) -> None:
    """What was asked is done all the same when it goes on, so the log is of no other test's name."""
    asks: list[Callable[[Conversation], object]] = [
        lambda asked: asked.placements("ward.frozen"),
        lambda asked: asked.create("ward.frozen", {}),
        lambda asked: asked.delete("ward.frozen"),
        lambda asked: asked.may_publish("ward.frozen"),
    ]
    with ExitStack() as stack:
        opened = [
            stack.enter_context(Conversation(node.address(), name="test", timeout_s=SHORT_S)) for _ in (*asks, "close")
        ]
        with node.frozen():
            for ask, asked in zip(asks, opened, strict=False):
                with _in_time(), pytest.raises(StreamLostError, match="did not answer within 1 s"):
                    ask(asked)
            with _in_time():
                opened[-1].close()
            with _in_time(), pytest.raises(StreamLostError, match="did not answer within 1 s"):
                Conversation(node.address(), name="test", timeout_s=SHORT_S)
    for each in opened:
        each.drop()


def test_a_goodbye_raises_nothing_whatever_answers(node: StreamNode) -> None:
    class Rude(StandIn):
        def _answer(self, asked: dict[str, Any]) -> bytes:
            return frame(codes.CLOSE) if asked["command"] == "close" else super()._answer(asked)

    certificates = node.certificates
    mine = (certificates / "ward.pem", certificates / "ward.key")
    with Rude(certificates) as broker:
        address = StreamAddress("localhost", broker.port, "", "", "/", True, certificates / "ca.pem", mine)
        Conversation(address, name="test", timeout_s=TIMEOUT_S).close()
    assert broker.asked[-1]["command"] == "close"


def test_a_port_where_nobody_listens_is_told_at_once(unused_port: int) -> None:
    with _in_time(0), pytest.raises(StreamLostError, match=rf"streams at {LOOPBACK}:{unused_port} failed: .*refused"):
        _open(unused_port)


def test_an_amqp_listener_is_told_apart(node: StreamNode) -> None:
    with pytest.raises(StreamLostError, match="does not speak the stream protocol"):
        _open(node.port)


def test_a_listener_that_wants_tls_is_told_apart(node: StreamNode) -> None:
    with _in_time(), pytest.raises(StreamLostError):
        _open(node.tls_port)


def test_tls_to_a_listener_without_it_is_told_apart(node: StreamNode) -> None:
    with _in_time(), pytest.raises(StreamLostError):
        _open(node.stream_port, tls=True)


Talk = Callable[[socket.socket], object]


@pytest.fixture
def listen() -> Iterator[Callable[[Talk], int]]:
    """Answers whoever comes to a port in some other way."""
    listeners: list[socket.socket] = []

    def listen(talk: Talk) -> int:
        listener = socket.create_server((LOOPBACK, 0))
        listeners.append(listener)
        threading.Thread(target=_serve, args=(listener, talk), daemon=True).start()
        return int(listener.getsockname()[1])

    yield listen
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"-ERR unknown command\r\n",
        b"\x00\x00\x00\x02\x00\x11",
        b"\x00\x00\x00\x06\x80\x11\x00\x01\x00\x01",
    ],
)
def test_whoever_says_something_else_is_told_apart(listen: Callable[[Talk], int], said: bytes) -> None:
    def talk(talking: socket.socket) -> None:
        talking.recv(1024)
        talking.sendall(said)
        talking.recv(1024)

    port = listen(talk)
    with _in_time(), pytest.raises(StreamLostError, match=rf"streams at {LOOPBACK}:{port} failed"):
        _open(port)


@pytest.mark.parametrize("tls", [False, True])
def test_a_listener_that_says_nothing_is_left_in_time(listen: Callable[[Talk], int], tls: bool) -> None:
    silent = threading.Event()
    port = listen(lambda _: silent.wait(TIMEOUT_S))
    with _in_time(), pytest.raises(StreamLostError):
        _open(port, tls=tls)
    silent.set()


def test_a_listener_that_hangs_up_is_told(listen: Callable[[Talk], int]) -> None:
    port = listen(lambda _: None)
    with _in_time(), pytest.raises(StreamLostError, match=r"closed the connection|failed"):
        _open(port)


def test_a_listener_that_only_keeps_us_waiting_is_left_in_time(listen: Callable[[Talk], int]) -> None:
    """Heartbeats, and answers to what was not asked, are no answer."""
    over = threading.Event()

    def chatter(talking: socket.socket) -> None:
        while not over.wait(0.05):
            talking.sendall(b"\x00\x00\x00\x04\x00\x17\x00\x01")
            talking.sendall(b"\x00\x00\x00\x0a\x80\x11\x00\x01\x00\x00\x00\x63\x00\x01")

    port = listen(chatter)
    with _in_time(), pytest.raises(StreamLostError, match="did not answer within 1 s"):
        _open(port)
    over.set()


def _serve(listener: socket.socket, talk: Talk) -> None:
    try:
        while True:
            client, _ = listener.accept()
            with client:
                talk(client)
    except OSError:
        return


def _open(port: int, *, tls: bool = False) -> Link:
    address = StreamAddress(LOOPBACK, port, "user", "secret", "/", tls=tls)
    return Link(Conversation(address, name="test", timeout_s=SHORT_S))


def _is_at_its_end(connected: socket.socket) -> bool:
    """Reads what there is, so that the end behind it is seen."""
    connected.setblocking(False)
    try:
        return connected.recv(1 << 16) == b""
    except (BlockingIOError, ssl.SSLError):
        return False
    except OSError:
        return True


@contextmanager
def _in_time(timeout_s: float = SHORT_S) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < timeout_s + SLACK_S
