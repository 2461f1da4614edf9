"""The relay's probes answer who asks, and wait for nobody who does not."""

import socket
import struct
import threading
from collections.abc import Iterator

import httpx
import pytest

from infirmary_relay import health
from infirmary_relay.health import Health, serve
from tests.eventually import eventually

HOST = "127.0.0.1"


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(health, "_SILENT_S", 0.2)
    server = serve(Health(), HOST, 0)
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_client_that_falls_silent_is_let_go(port: int) -> None:
    with socket.create_connection((HOST, port), timeout=5) as client:
        client.sendall(b"GET /met")
        assert client.recv(1024) == b""


@pytest.mark.parametrize(
    ("path", "status"), [("/metrics?name[]=x", 200), ("/healthz?verbose", 200), ("/metricsx", 404)]
)
def test_what_is_asked_for_besides_the_path_changes_no_answer(port: int, path: str, status: int) -> None:
    assert httpx.get(f"http://{HOST}:{port}{path}").status_code == status


def test_a_client_that_goes_away_before_its_answer_leaves_no_traceback(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(threading.enumerate())
    with socket.create_connection((HOST, port), timeout=5) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(b"GET /metrics HTTP/1.1\r\n")
        eventually(lambda: set(threading.enumerate()) - before, because="a thread answers")
    eventually(lambda: not set(threading.enumerate()) - before, because="it has nobody to answer", within_s=5)
    assert capsys.readouterr().err == ""
