"""The bad network: it passes everything on until told otherwise, and does each thing it is told."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from local.ports import LOOPBACK
from tests.chaos.proxy import Proxy, Way
from tests.eventually import eventually

SHORT_S = 0.2


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy in front of a server that says everything back."""
    with socket.create_server((LOOPBACK, 0)) as server:
        threading.Thread(target=_echo, args=(server,), daemon=True).start()
        with Proxy(server.getsockname()[1]) as proxy:
            yield proxy


def _echo(server: socket.socket) -> None:
    try:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_say_back, args=(connection,), daemon=True).start()
    except OSError:
        return  # the test is over


def _say_back(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(1024):
                connection.sendall(data)
        except OSError:
            return


def connect(proxy: Proxy) -> socket.socket:
    client = socket.create_connection((LOOPBACK, proxy.port), timeout=5)
    client.settimeout(5)
    return client


def answer(client: socket.socket, said: bytes) -> bytes:
    client.sendall(said)
    return client.recv(1024)


def answer_or_end(proxy: Proxy) -> None:
    with closing(connect(proxy)) as client:
        if not answer(client, b"hello"):
            raise ConnectionResetError


def test_everything_is_passed_on(proxy: Proxy) -> None:
    with closing(connect(proxy)) as client:
        assert answer(client, b"hello") == b"hello"


def test_a_reset_breaks_what_there_is_and_lets_new_ones_in(proxy: Proxy) -> None:
    with closing(connect(proxy)) as broken, closing(connect(proxy)) as fresh:
        answer(broken, b"hello")
        proxy.reset()
        with pytest.raises(ConnectionError):
            answer(broken, b"again")
        fresh.close()
    with closing(connect(proxy)) as client:
        assert answer(client, b"new") == b"new"


def test_a_cut_lets_nobody_through_until_it_is_restored(proxy: Proxy) -> None:
    proxy.cut()
    with pytest.raises(ConnectionError):
        answer_or_end(proxy)
    proxy.restore()
    with closing(connect(proxy)) as client:
        assert answer(client, b"hello") == b"hello"


def test_what_is_held_arrives_when_it_is_restored(proxy: Proxy) -> None:
    with closing(connect(proxy)) as client:
        proxy.hold(Way.DOWN)
        client.settimeout(SHORT_S)
        with pytest.raises(TimeoutError):
            answer(client, b"hello")
        proxy.restore()
        client.settimeout(5)
        assert client.recv(1024) == b"hello"


def test_what_is_swallowed_never_arrives(proxy: Proxy) -> None:
    with closing(connect(proxy)) as client:
        answer(client, b"hello")
        proxy.swallow(Way.UP)
        client.sendall(b"lost")
        eventually(lambda: proxy.swallowed_bytes[Way.UP] == 4, because="it was thrown away")
        proxy.restore()
        assert answer(client, b"kept") == b"kept"


def test_what_is_slowed_down_comes_late(proxy: Proxy) -> None:
    with closing(connect(proxy)) as client:
        proxy.slow_down(2 * SHORT_S)
        client.settimeout(SHORT_S)
        with pytest.raises(TimeoutError):
            answer(client, b"hello")
        client.settimeout(5)
        assert client.recv(1024) == b"hello"
