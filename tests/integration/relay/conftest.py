"""A fresh outbox of either kind, a broker, and relays that are ended with the test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer
from tests.integration.relay.broker import Broker
from tests.integration.relay.outboxes import MongoOutbox, Outbox, PostgresOutbox
from tests.integration.relay.process import RELAY, RelayProcess

StartRelay = Callable[..., RelayProcess]


@pytest.fixture(scope="session")
def broker(rabbitmq_url: str) -> Broker:
    return Broker(rabbitmq_url)


@pytest.fixture
def service() -> str:
    """A service that no other test has used, so that its log is new."""
    return f"s{uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def outbox_template(postgres: PostgresServer | ExternalPostgres) -> str:
    def create_tables(url: str) -> None:
        with psycopg.connect(url) as session:
            session.execute((RELAY / "infirmary_relay" / "schema.sql").read_text())

    postgres.databases.make_template("template_outbox", create_tables)
    return "template_outbox"


@pytest.fixture
def postgres_outbox(postgres: PostgresServer | ExternalPostgres, outbox_template: str) -> Iterator[PostgresOutbox]:
    with postgres.databases.clone(outbox_template) as url:
        outbox = PostgresOutbox(url)
        yield outbox
        outbox.close()


@pytest.fixture(params=["postgresql", "mongodb"])
def outbox(request: pytest.FixtureRequest, service: str) -> Iterator[Outbox]:
    """What every source has to cope with, on each of them."""
    if request.param == "postgresql":
        yield request.getfixturevalue("postgres_outbox")
        return
    documents = MongoOutbox(request.getfixturevalue("mongodb")(service))
    yield documents
    documents.close()


@pytest.fixture
def start_relay(service: str, broker: Broker, tmp_path: Path) -> Iterator[StartRelay]:
    """Starts relays of the test's service; extra settings by name."""
    started: list[RelayProcess] = []

    def start(outbox: Outbox, *, service: str = service, **settings: str) -> RelayProcess:
        environment = {"DATABASE_URL": outbox.url, "RABBITMQ_URL": broker.url} | settings
        started.append(RelayProcess(service, tmp_path / "relay.log", **environment))
        return started[-1]

    yield start
    for relay in started:
        relay.kill()
    print((tmp_path / "relay.log").read_text() if started else "")
