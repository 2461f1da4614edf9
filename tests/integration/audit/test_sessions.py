"""Whatever an administrator has set, and over whichever hosts: the audit reads the same; and it verifies names."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from audit.addresses import Address
from audit.database_state import StateReader
from audit.facts import DatabaseState
from audit.logs import LogTail
from local.ports import free_port
from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer
from tests.eventually import eventually
from tests.integration.audit.conftest import Tenth
from tests.integration.audit.test_tenth_service import PARKED, SAGA

DEFAULTS = {
    "DateStyle": "German",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kathmandu",
    "bytea_output": "escape",
    "client_encoding": "LATIN1",
    "default_transaction_isolation": "serializable",
    "statement_timeout": "1",
}


def state_of(url: str) -> DatabaseState:
    reader = StateReader(Address("ward", database_url=url))
    with closing(reader):
        return reader.read(full=True)


def test_an_administrators_defaults_change_nothing(tenth: Tenth, postgres: PostgresServer | ExternalPostgres) -> None:
    tenth.execute(PARKED, uuid4(), "Ελένη did not sign")
    tenth.execute(SAGA, uuid4(), "running")
    before = state_of(tenth.database_url)
    role = urlsplit(tenth.database_url).username
    with psycopg.connect(postgres.databases.administrator_url, autocommit=True) as administrator:
        for name, value in DEFAULTS.items():
            administrator.execute(f"ALTER ROLE \"{role}\" SET {name} = '{value}'")
    assert state_of(tenth.database_url) == before
    assert before.held[0].error == "Ελένη did not sign"


def test_a_url_with_two_hosts_leads_to_the_one_that_is_there(tenth: Tenth) -> None:
    parts = urlsplit(tenth.database_url)
    account, _, server = parts.netloc.rpartition("@")
    two = urlunsplit(parts._replace(netloc=f"{account}@127.0.0.1:{free_port()},{server}"))
    assert state_of(two) == state_of(tenth.database_url)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """Makes an authority and a certificate that it has signed for `other.example` and for nobody else."""
    commands = """
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority &&
        openssl req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=other.example &&
        printf 'subjectAltName=DNS:other.example\\n' >names &&
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out cert.pem -extfile names
    """
    subprocess.run(["sh", "-c", commands], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


class Listener:
    """A server behind another's certificate, which notes what it is told once the certificate was accepted."""

    def __init__(self, certificates: Path) -> None:
        self.heard = b""
        self.refused = False
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def serve(self) -> None:
        client, _ = self.socket.accept()
        client.settimeout(10)
        with client:
            try:
                with self._context.wrap_socket(client, server_side=True) as encrypted:
                    self.heard = encrypted.recv(8)
            except OSError:
                self.refused = True


@pytest.fixture
def listener(certificates: Path) -> Iterator[Listener]:
    listener = Listener(certificates)
    thread = threading.Thread(target=listener.serve)
    thread.start()
    yield listener
    thread.join()
    listener.socket.close()


def test_nothing_is_said_to_a_broker_whose_certificate_is_anothers(listener: Listener, certificates: Path) -> None:
    url = f"amqps://user:secret@localhost:{listener.port}/v"
    with closing(LogTail(url, ["ward"], ca_file=certificates / "ca.pem")) as tail:
        assert not tail.read(0.1)
    eventually(lambda: listener.refused or listener.heard, because="the broker was spoken to")
    assert listener.heard == b""
