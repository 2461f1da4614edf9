"""Certificates of a private authority: what they hold for, and when one has to be made anew."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.certificates.issuing import (
    CERTIFICATE_LASTS,
    RENEWED_BEFORE,
    Pair,
    issued,
    must_be_made,
    new_authority,
)

NOW = datetime.now(UTC).replace(microsecond=0)
NAMES = ("ward", "ward.infirmary.svc", "localhost", "127.0.0.1")
AUTHORITY = new_authority(NOW)
CERTIFICATE = issued(AUTHORITY, NAMES, NOW).certificate


def shake_hands(pair: Pair, authority: Pair, name: str, folder: Path) -> None:
    """Has a client that trusts an authority ask a server by a name.

    Raises:
        ssl.SSLError: The client will not speak to it.
    """
    file = folder / "both.pem"
    file.write_bytes(pair.key + pair.certificate)
    client, server = (
        ssl.create_default_context(cadata=authority.certificate.decode()),
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
    )
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server.load_cert_chain(file)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, server_hostname=name)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    for each in (asking, answering, asking):
        try:
            each.do_handshake()
        except ssl.SSLWantReadError:
            continue


@pytest.mark.parametrize("name", NAMES)
def test_the_strictest_client_trusts_the_authority_for_each_of_the_names(tmp_path: Path, name: str) -> None:
    shake_hands(issued(AUTHORITY, NAMES, NOW), AUTHORITY, name, tmp_path)


def test_a_client_refuses_another_name_and_another_authoritys_word(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(issued(AUTHORITY, NAMES, NOW), AUTHORITY, "billing", tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(issued(new_authority(NOW), NAMES, NOW), AUTHORITY, "ward", tmp_path)


def test_a_certificate_cannot_vouch_for_another_one(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(issued(issued(AUTHORITY, NAMES, NOW), NAMES, NOW), AUTHORITY, "ward", tmp_path)


@given(st.timedeltas(min_value=timedelta(0), max_value=2 * CERTIFICATE_LASTS))
def test_a_certificate_is_made_anew_when_it_comes_near_its_end_and_not_before(age: timedelta) -> None:
    assert must_be_made(CERTIFICATE, AUTHORITY, NAMES, NOW + age) == (age > CERTIFICATE_LASTS - RENEWED_BEFORE)


@given(st.sets(st.sampled_from([*NAMES, "billing", "::1"]), min_size=1))
def test_a_certificate_is_made_anew_when_it_has_to_be_for_other_names(names: set[str]) -> None:
    assert must_be_made(CERTIFICATE, AUTHORITY, sorted(names), NOW) == (names != set(NAMES))


@pytest.mark.parametrize("certificate", [None, b"", b"nonsense"])
def test_a_certificate_that_is_none_is_made_anew(certificate: bytes | None) -> None:
    assert must_be_made(certificate, AUTHORITY, NAMES, NOW)


def test_a_certificate_of_another_authority_is_made_anew() -> None:
    assert must_be_made(CERTIFICATE, new_authority(NOW), NAMES, NOW)
