"""The provider of identities is asked over TLS by whoever trusts its certificate, and by its own name."""

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from infirmary.identity.provider import Provider
from local.issuer.answering import documents_of, server_of
from local.issuer.signing import Signer
from local.ports import free_port
from tests.integration.infirmary.tls_front import make_certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("authority") / "ours")


def served(certificates: Path, host: str) -> Iterator[str]:
    """Runs an issuer of that name, which has a certificate for `localhost`, and yields its URL."""
    port = free_port()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    url = f"https://{host}:{port}"
    with server_of(port, documents_of(Signer(url))) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield url
        server.shutdown()


@pytest.fixture
def issuer(certificates: Path) -> Iterator[str]:
    yield from served(certificates, "localhost")


@pytest.fixture
def under_another_name(certificates: Path) -> Iterator[str]:
    yield from served(certificates, "127.0.0.1")


def test_an_authority_that_was_changed_is_trusted_without_a_restart(
    issuer: str, certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted = tmp_path / "ca.crt"
    trusted.write_text((make_certificates(tmp_path / "others") / "ca.pem").read_text())
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        Provider(issuer).fetch_keys()
    trusted.write_text((certificates / "ca.pem").read_text())
    assert len(Provider(issuer).fetch_keys()) == 1


def test_a_certificate_of_another_name_is_nobodys(
    under_another_name: str, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        Provider(under_another_name).fetch_keys()
