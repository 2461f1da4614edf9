"""The Secrets in which an authority and certificates are kept."""

from datetime import UTC, datetime, timedelta

import pytest

from local.certificates.issuing import CERTIFICATE_LASTS, Pair, issued
from local.certificates.keeping import AUTHORITY, keep_certificates, names_of

NOW = datetime.now(UTC)
HOSTS = ("postgresql", "ward")


class Kept:
    """Secrets in a dictionary; the real ones are the cluster's tests' business."""

    namespace = "infirmary"

    def __init__(self) -> None:
        self.held: dict[str, dict[str, bytes]] = {}

    def get(self, name: str) -> dict[str, bytes] | None:
        return self.held.get(name)

    def keep(self, name: str, data: dict[str, bytes]) -> None:
        self.held[name] = data


@pytest.fixture
def secrets() -> Kept:
    return Kept()


def test_the_first_time_everything_is_made_and_the_next_time_nothing(secrets: Kept) -> None:
    assert keep_certificates(secrets, HOSTS, NOW) == [AUTHORITY, "postgresql-tls", "ward-tls"]
    before = dict(secrets.held)
    assert keep_certificates(secrets, HOSTS, NOW) == []
    assert secrets.held == before


def test_a_new_service_gets_its_own_and_nobody_else_another_one(secrets: Kept) -> None:
    keep_certificates(secrets, HOSTS, NOW)
    assert keep_certificates(secrets, (*HOSTS, "canteen"), NOW) == ["canteen-tls"]


def test_certificates_near_their_end_are_made_anew_by_the_same_authority(secrets: Kept) -> None:
    keep_certificates(secrets, HOSTS, NOW)
    authority = secrets.held[AUTHORITY]
    assert keep_certificates(secrets, HOSTS, NOW + CERTIFICATE_LASTS) == ["postgresql-tls", "ward-tls"]
    assert secrets.held[AUTHORITY] == authority


def test_an_authority_that_is_not_whole_is_not_replaced(secrets: Kept) -> None:
    keep_certificates(secrets, HOSTS, NOW)
    del secrets.held[AUTHORITY]["tls.key"]
    before = dict(secrets.held)
    with pytest.raises(LookupError, match=AUTHORITY):
        keep_certificates(secrets, HOSTS, NOW)
    assert secrets.held == before


def test_a_secret_has_what_each_kind_of_server_and_client_looks_for(secrets: Kept) -> None:
    keep_certificates(secrets, HOSTS, NOW)
    ward, authority = secrets.held["ward-tls"], secrets.held[AUTHORITY]
    assert ward["ca.crt"] == authority["ca.crt"] == authority["tls.crt"]
    assert ward["tls-combined.pem"] == ward["tls.key"] + ward["tls.crt"]
    again = issued(Pair(authority["tls.crt"], authority["tls.key"]), names_of("ward", "infirmary"), NOW + timedelta(1))
    assert again.certificate != ward["tls.crt"]
