"""A database proves its name by a certificate of the authority that the settings trust, or is not spoken to."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from pydantic import ValidationError

from infirmary.postgres.session import connect
from infirmary.processes import make_app
from infirmary.settings import Settings
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase
from tests.integration.infirmary.tls_front import TlsFront, make_certificates

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to make certificates")
NOBODY = "/patients/00000000-0000-4000-8000-000000000000"


@needs_openssl
def test_a_database_is_spoken_to_only_if_it_proves_its_name(new_database: NewDatabase, tmp_path: Path) -> None:
    parts = urlsplit(new_database("patient").database_url)
    account = parts.netloc.rpartition("@")[0]
    right, other = make_certificates(tmp_path / "right"), make_certificates(tmp_path / "other")
    with TlsFront(right, parts.port or 5432) as front:

        def settings(host: str, authority: Path) -> Settings:
            url = parts._replace(netloc=f"{account}@{host}:{front.port}").geturl()
            return Settings(database_url=url, database_ca_file=authority / "ca.pem")

        with connect(settings("localhost", right), "test") as connection:
            assert connection.pgconn.ssl_in_use
        for refused in (settings("127.0.0.1", right), settings("localhost", other)):
            with pytest.raises(psycopg.OperationalError, match="certificate"):
                connect(refused, "test")
        app = make_app("patient", settings("localhost", right))
        eventually(lambda: app.test_client().get(NOBODY).status_code == 404, because="the pool is connected")
        app.extensions["storage"].close()


@needs_openssl
def test_a_database_without_a_certificate_is_not_spoken_to(new_database: NewDatabase, tmp_path: Path) -> None:
    plain = new_database("patient").database_url
    authority = make_certificates(tmp_path / "right") / "ca.pem"
    with pytest.raises(psycopg.OperationalError, match="SSL"):
        connect(Settings(database_url=plain, database_ca_file=authority), "test")


def test_a_file_of_certificates_that_is_not_there_is_named_at_the_start() -> None:
    with pytest.raises(ValidationError, match="database_ca_file"):
        Settings(database_url="postgresql://a:b@c/d", database_ca_file=Path("nowhere.pem"))
