"""With a certificate an API is asked over HTTPS only: slow clients stay harmless, and a new one needs no restart."""

import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from infirmary.http.server import Server
from infirmary.settings import InvalidConfiguration, Settings
from tests.eventually import eventually
from tests.integration.http.served import Served, read_all, served, trusting
from tests.integration.http.test_slow_clients import ADA, SLOW, served_quickly
from tests.integration.infirmary.tls_front import make_certificates

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make certificates")

LATEST_LOOK_S = 10
"""Files are looked at every 2 s."""

MANY = 300 * 1024


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls") / "first")


@pytest.fixture(scope="module")
def secure(patients: Settings, certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served("patient", patients, tmp_path_factory.mktemp("secure"), certificates=certificates) as running:
        yield running


def test_who_asks_for_the_certificates_name_is_answered_and_everybody_else_goes_away(secure: Served) -> None:
    with secure.client as client:
        made = client.post("/patients", json=ADA)
        assert made.status_code == 201
        assert client.get(f"/patients/{made.json()['patient_id']}").json()["full_name"] == ADA["full_name"]
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"https://127.0.0.1:{secure.port}/healthz", verify=secure.trusted or True)
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{secure.url}/healthz")


def test_who_speaks_plain_http_is_told_in_plain_http_and_nothing_is_done(secure: Served) -> None:
    answer = httpx.post(f"http://127.0.0.1:{secure.port}/patients", json=ADA)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["detail"] == "this port speaks HTTPS: the address should begin with https://"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_requests_that_come_while_another_is_answered_are_answered_in_their_order(
    secure: Served, certificates: Path, version: ssl.TLSVersion
) -> None:
    trusted = trusting(certificates)
    trusted.minimum_version = trusted.maximum_version = version
    get = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n%s\r\n"
    with trusted.wrap_socket(secure.connect_plainly(), server_hostname="localhost") as client:
        client.sendall(get % b"" * 30 + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answers = read_all(client)
    assert answers.count(b"HTTP/1.1 200 OK") == 31
    assert len(answers) > MANY, "more than the network holds"
    assert b"Connection: close" in answers[-1000:]


def test_clients_that_fall_silent_before_or_after_the_greeting_hold_up_nobody(secure: Served) -> None:
    hello = client_hello()
    with ExitStack() as stack:
        silent = []
        for number in range(100):
            client = stack.enter_context(secure.connect_plainly())
            client.sendall((b"", hello[:1], hello[:100], hello)[number % 4])
            silent.append(client)
        halves = []
        for number in range(100):
            client = stack.enter_context(secure.connect())
            client.sendall(SLOW[number % len(SLOW)])
            halves.append(client)
        assert served_quickly(secure)
        assert read_all(halves[2]).startswith(b"HTTP/1.1 408 ")
        eventually(lambda: ended(silent), because="who does not greet is let go", within_s=20)
        assert served_quickly(secure)


def client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    greeting = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        greeting.do_handshake()
    return outgoing.read()


def ended(clients: list[socket.socket]) -> bool:
    for client in clients:
        client.settimeout(0.01)
        try:
            while client.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            continue
    return True


def test_clients_that_read_nothing_hold_no_thread(secure: Served) -> None:
    with ExitStack() as stack:
        for _ in range(12):
            client = stack.enter_context(secure.connect())
            client.settimeout(2)
            with suppress(OSError):
                client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
        assert served_quickly(secure)


def test_a_flood_of_greetings_keeps_nobody_out(secure: Served) -> None:
    with ExitStack() as stack:
        for _ in range(600):
            stack.enter_context(secure.connect_plainly()).sendall(b"\x16")
        assert served_quickly(secure)


def test_what_is_no_tls_at_all_ends_the_connection_and_nothing_else(secure: Served) -> None:
    with secure.connect_plainly() as client:
        client.sendall(b"\x00\xff" * 100)
        with suppress(ConnectionResetError):
            read_all(client)
    assert served_quickly(secure)


def test_a_new_certificate_is_shown_without_a_restart_and_a_bad_one_changes_nothing(
    patients: Settings, certificates: Path, tmp_path: Path
) -> None:
    shown, other = tmp_path / "shown", make_certificates(tmp_path / "other")
    shutil.copytree(certificates, shown)
    with (
        served("patient", patients, tmp_path, certificates=shown) as api,
        api.connect() as old,
    ):
        assert is_served(old)
        expires = next(line for line in api.metrics() if line.startswith("infirmary_http_certificate_expires_"))
        assert time.time() < float(expires.split()[1]) < time.time() + 3 * 86_400
        log = tmp_path / "api.log"
        (shown / "cert.pem").write_text("half of a cert")
        eventually(
            lambda: "new certificate cannot be used" in log.read_text(), because="it is told", within_s=LATEST_LOOK_S
        )
        assert served_quickly(api)
        for name in ("cert.pem", "key.pem"):
            shutil.copy(other / name, shown / name)
        with httpx.Client(base_url=api.url, verify=trusting(other)) as new:
            eventually(lambda: is_answered(new), because="the new one is shown", within_s=LATEST_LOOK_S)
        assert is_served(old), "who is connected notices nothing"


def is_served(connected: socket.socket) -> bool:
    connected.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    return connected.recv(65536).startswith(b"HTTP/1.1 200 ")


def is_answered(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.ConnectError:
        return False


def test_a_certificate_with_anothers_key_ends_the_start_and_names_the_variables(
    certificates: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_certificates(tmp_path / "other")
    settings = Settings(
        database_url="postgresql://a:b@localhost/c",
        http_certificate_file=certificates / "cert.pem",
        http_key_file=other / "key.pem",
    )
    with pytest.raises(InvalidConfiguration, match="HTTP_CERTIFICATE_FILE, HTTP_KEY_FILE: should be a certificate"):
        Server(lambda: pytest.fail("it starts"), settings)
    assert "KEY_VALUES_MISMATCH" in capsys.readouterr().err
