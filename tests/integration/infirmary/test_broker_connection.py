"""Whom the consumer speaks to, for how long it waits for an answer, and whose virtual host it reads from."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from infirmary.consumer import broker as broker_module
from infirmary.consumer.broker import BROKER_ERRORS, Broker
from infirmary.consumer.ownership import OwnedByAnother
from tests.chaos.proxy import Proxy, Way
from tests.integration.infirmary.messages import COMMANDS

_SIGN = """
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority
for name in localhost other.example; do
  openssl req -newkey rsa:2048 -nodes -keyout $name.key -out request.pem -subj /CN=$name
  printf "subjectAltName=DNS:$name\\n" > extension
  openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out $name.pem -extfile extension
done
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority's certificate and two hosts'."""
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run(["sh", "-ec", _SIGN], cwd=folder, check=True, capture_output=True)
    return folder


@contextmanager
def speaking_tls(certificates: Path, host: str, server_port: int) -> Iterator[tuple[int, list[bytes]]]:
    """Ends TLS as a host and passes on what it hears to a broker; gives its port and the first bytes heard."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / f"{host}.pem", certificates / f"{host}.key")
    heard: list[bytes] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                heard.append(data)
                sink.sendall(data)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with suppress(OSError):
                    client = context.wrap_socket(client, server_side=True)
                    server = socket.create_connection(("127.0.0.1", server_port))
                    for ends in ((client, server), (server, client)):
                        threading.Thread(target=pump, args=ends, daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], heard


def amqps(rabbitmq_url: str, port: int) -> str:
    parts = urlsplit(rabbitmq_url)
    return f"amqps://{parts.username}:{parts.password}@localhost:{port}{parts.path}"


def test_a_broker_with_a_certificate_in_its_own_name_is_spoken_to(rabbitmq_url: str, certificates: Path) -> None:
    with (
        speaking_tls(certificates, "localhost", urlsplit(rabbitmq_url).port or 5672) as (port, _),
        closing(Broker(amqps(rabbitmq_url, port), "counting", certificates / "ca.pem")) as broker,
    ):
        assert not broker.exists(COMMANDS)
        assert not broker.wait(0.2)
        broker.take_in(10)
        assert not broker.exists(COMMANDS)


@pytest.mark.parametrize("query", ["", "?ssl_cert_reqs=CERT_NONE", "?ssl=false"])
@pytest.mark.parametrize(("host", "signed_by_ours"), [("other.example", True), ("localhost", False)])
def test_nothing_is_said_to_a_host_whose_certificate_is_anothers_or_nobodys(
    rabbitmq_url: str, certificates: Path, host: str, signed_by_ours: bool, query: str
) -> None:
    trusted = certificates / "ca.pem" if signed_by_ours else None
    with speaking_tls(certificates, host, urlsplit(rabbitmq_url).port or 5672) as (port, heard):
        with pytest.raises(ssl.SSLError):
            Broker(amqps(rabbitmq_url, port) + query, "counting", trusted)
        assert heard == []


def test_a_broker_that_hangs_is_waited_for_no_longer_than_is_good(
    rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_module, "ANSWER_WITHIN_S", 1)
    with Proxy(urlsplit(rabbitmq_url).port or 5672) as proxy, closing(Broker(proxy.url(rabbitmq_url), "x")) as broker:
        proxy.swallow(Way.UP, Way.DOWN)
        began = time.monotonic()
        with pytest.raises(BROKER_ERRORS):
            broker.exists(COMMANDS)
        assert time.monotonic() - began < 10


def test_a_second_hospital_on_a_virtual_host_is_noticed_until_it_is_claimed(rabbitmq_url: str) -> None:
    with closing(Broker(rabbitmq_url, "first")) as first, closing(Broker(rabbitmq_url, "second")) as second:
        first.disown("counting")
        first.own("counting", "7.16384")
        first.own("counting", "7.16384")
        with pytest.raises(OwnedByAnother, match=r"another counting: its database is 7\.16384, this one's is 8\.16385"):
            second.own("counting", "8.16385")
        second.disown("counting")
        second.own("counting", "8.16385")
        with pytest.raises(OwnedByAnother):
            first.own("counting", "7.16384")
        first.disown("counting")
