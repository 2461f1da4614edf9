"""A database that keeps its connections and says nothing: every request is answered, and all goes on by itself."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from flask import Flask

from infirmary.postgres.database import is_transient
from infirmary.postgres.session import BoundedConnection, NoAnswer, connect
from infirmary.processes import make_app
from infirmary.settings import Settings
from tests.chaos.proxy import Proxy
from tests.eventually import eventually
from tests.integration.conftest import NewDatabase

ADA = {"full_name": "Ada Lovelace", "date_of_birth": "1815-12-10"}
NOBODY = f"/patients/{'0' * 8}-0000-4000-8000-{'0' * 12}"


@pytest.fixture
def network(new_database: NewDatabase) -> Iterator[tuple[Proxy, Settings]]:
    """A network between the service and its database, which can fall silent."""
    settings = new_database("patient")
    with Proxy(urlsplit(settings.database_url).port or 5432) as proxy:
        yield proxy, Settings(database_url=proxy.url(settings.database_url), database_wait_s=0.5)


@pytest.fixture
def proxy(network: tuple[Proxy, Settings]) -> Proxy:
    """The network."""
    return network[0]


@pytest.fixture
def settings(network: tuple[Proxy, Settings]) -> Settings:
    """The settings of a service that is on it."""
    return network[1]


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The patient service's application."""
    app = make_app("patient", settings)
    yield app
    app.extensions["storage"].close()


def ask_all(app: Flask, count: int) -> list[int]:
    """Reads and writes at once; returns the statuses."""

    def ask(number: int) -> int:
        client = app.test_client()
        return (client.post("/patients", json=ADA) if number % 2 else client.get(NOBODY)).status_code

    with ThreadPoolExecutor(count) as many:
        return list(many.map(ask, range(count)))


def test_every_request_is_answered_while_the_database_hangs_and_well_after(app: Flask, proxy: Proxy) -> None:
    assert set(ask_all(app, 8)) == {201, 404}
    proxy.hold()
    began = time.monotonic()
    assert set(ask_all(app, 16)) == {503}
    assert time.monotonic() - began < 10
    assert app.test_client().get("/healthz").status_code == 200
    began = time.monotonic()
    assert app.test_client().get("/readyz").status_code == 503
    assert time.monotonic() - began < 2.5
    proxy.restore()
    eventually(lambda: set(ask_all(app, 8)) == {201, 404}, because="the database answers again")
    eventually(lambda: app.test_client().get("/readyz").status_code == 200, because="it is ready again")


def commit(connection: BoundedConnection) -> None:
    connection.execute("BEGIN")
    connection.execute("COMMIT")


def pipeline(connection: BoundedConnection) -> None:
    with connection.pipeline():
        connection.execute("SELECT 1")


@pytest.mark.parametrize(
    "use",
    [commit, pipeline, BoundedConnection.rollback],
    ids=lambda use: use.__name__,
)
def test_whatever_is_waited_for_on_a_connection_has_an_end_and_closes_it(
    proxy: Proxy, settings: Settings, use: Callable[[BoundedConnection], None]
) -> None:
    with connect(settings, "test") as connection:
        connection.execute("BEGIN" if use is BoundedConnection.rollback else "SELECT 1")
        proxy.hold()
        connection.allow(0.3)
        with pytest.raises(NoAnswer) as silence:
            use(connection)
        assert connection.closed
        assert is_transient(silence.value)


def test_a_statement_that_takes_its_time_is_given_it(settings: Settings) -> None:
    with connect(settings, "test") as connection:
        connection.allow(5)
        assert connection.execute("SELECT pg_sleep(0.5)").fetchone() == ("",)


def test_a_mongodb_that_hangs_is_answered_for_as_well(mongodb: Callable[[str], str]) -> None:
    url = mongodb("notifications")
    with Proxy(urlsplit(url).port or 27017) as proxy:
        app = make_app("notification", Settings(database_url=proxy.url(url)))

        def ask(_: int) -> int:
            return app.test_client().get("/notifications").status_code

        with ThreadPoolExecutor(16) as many:
            assert set(many.map(ask, range(16))) == {200}
            proxy.hold()
            began = time.monotonic()
            assert set(many.map(ask, range(32))) == {503}
            assert time.monotonic() - began < 15
            assert app.test_client().get("/healthz").status_code == 200
            began = time.monotonic()
            assert app.test_client().get("/readyz").status_code == 503
            assert time.monotonic() - began < 2.5
            proxy.restore()
            eventually(lambda: set(many.map(ask, range(16))) == {200}, because="the database answers again")
        app.extensions["storage"].close()
