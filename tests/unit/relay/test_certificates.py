"""Nobody is told a password who cannot show a certificate for the name that was asked for."""

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from pymongo.errors import PyMongoError

from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.errors import BrokerLostError
from infirmary_relay.broker.session import Session
from infirmary_relay.sources import mongo_session, postgres_session
from tests.eventually import eventually

MAKE = """
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca
openssl req -x509 -newkey rsa:2048 -nodes -keyout x.key -out other-ca.pem -days 2 -subj /CN=ca
for name in localhost other.example; do
  openssl req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj /CN=$name
  echo "subjectAltName=DNS:$name" >$name.ext
  openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out $name.pem -extfile $name.ext
done
"""
_SSL_REQUEST_BYTES = 8


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run(["sh", "-ec", MAKE], cwd=folder, check=True, capture_output=True)
    return folder


class Listener:
    """Says nothing, and notes what it is told under TLS."""

    def __init__(self, certificate: Path, *, asks_first: bool) -> None:
        self.heard: list[bytes] = []
        self.connections = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._asks_first = asks_first
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(5)
            if self._asks_first:
                client.recv(_SSL_REQUEST_BYTES)
                client.sendall(b"S")
            try:
                with self._context.wrap_socket(client, server_side=True) as encrypted:
                    self.heard.append(encrypted.recv(1024))
            finally:
                self.connections += 1

    def close(self) -> None:
        self._socket.close()


def speak_amqp(port: int, ca_file: Path | None) -> None:
    with contextlib.suppress(BrokerLostError):
        Session(BrokerAddress.parse(f"amqps://user:secret@localhost:{port}/", ca_file), name="test")


def speak_postgresql(port: int, ca_file: Path | None) -> None:
    with contextlib.suppress(psycopg.Error):
        postgres_session.connect(f"postgresql://user:secret@localhost:{port}/d", "test", ca_file)


def speak_mongodb(port: int, ca_file: Path | None) -> None:
    client = mongo_session.connect(f"mongodb://user:secret@localhost:{port}/d", ca_file)
    with contextlib.suppress(PyMongoError), contextlib.closing(client):
        client.admin.command("ping")


@pytest.fixture(params=[speak_amqp, speak_postgresql, speak_mongodb])
def speak(request: pytest.FixtureRequest) -> Callable[[int, Path | None], None]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def listen(certificates: Path, speak: object) -> Iterator[Callable[[str], Listener]]:
    listeners: list[Listener] = []

    def listen(name: str) -> Listener:
        listeners.append(Listener(certificates / f"{name}.pem", asks_first=speak is speak_postgresql))
        return listeners[-1]

    yield listen
    for listener in listeners:
        listener.close()


def test_a_host_that_shows_a_certificate_for_its_name_is_spoken_to(
    certificates: Path, listen: Callable[[str], Listener], speak: Callable[[int, Path], None]
) -> None:
    listener = listen("localhost")
    speak(listener.port, certificates / "ca.pem")
    eventually(lambda: any(listener.heard), because="it is spoken to")


@pytest.mark.parametrize(("shown", "trusted"), [("other.example", "ca.pem"), ("localhost", "other-ca.pem")])
def test_a_host_of_another_name_or_authority_hears_nothing(
    certificates: Path,
    listen: Callable[[str], Listener],
    speak: Callable[[int, Path | None], None],
    shown: str,
    trusted: str,
) -> None:
    listener = listen(shown)
    speak(listener.port, certificates / trusted)
    eventually(lambda: listener.connections, because="it was asked")
    assert not any(listener.heard)


def test_a_broker_must_show_its_name_to_the_systems_authorities_as_well(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
    listener = Listener(certificates / "other.example.pem", asks_first=False)
    speak_amqp(listener.port, None)
    eventually(lambda: listener.connections, because="it was asked")
    assert not any(listener.heard)
    listener.close()
