"""A fresh outbox of either kind, a broker, and relays that are ended with the test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from pymongo import MongoClient

from infirmary.mongo import granting as mongo
from infirmary.postgres.granting import grant_rights
from infirmary.postgres.migrate import engine
from infirmary.process_roles import Process
from infirmary.settings import Settings
from local.databases import as_process
from local.servers.external import ExternalPostgres
from local.servers.postgres import PostgresServer
from tests.chaos.broker_side import BrokerSide
from tests.integration.mongodb_rights import DOCUMENTS, AnyMongo
from tests.integration.relay.broker import Broker
from tests.integration.relay.outboxes import MongoOutbox, Outbox, PostgresOutbox
from tests.integration.relay.process import RELAY, RelayProcess

StartRelay = Callable[..., RelayProcess]

OVER_AMQP = "postgresql, over AMQP"
OVER_BOTH = pytest.mark.parametrize("relay_port", list(BrokerSide), indirect=True)
"""Sends logs by either protocol, in a test that is not told an `outbox`, which does that, too."""


@pytest.fixture(scope="session")
def broker(rabbitmq_url: str, stream_port: int) -> Broker:
    return Broker(rabbitmq_url, stream_port)


@pytest.fixture
def service() -> str:
    """A service that no other test has used, so that its log is new."""
    return f"s{uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def outbox_template(postgres: PostgresServer | ExternalPostgres) -> str:
    def create_tables(url: str) -> None:
        with psycopg.connect(url) as session:
            session.execute((RELAY / "infirmary_relay" / "schema.sql").read_text())
        with engine("relay", Settings(database_url=url)).connect() as connection:
            grant_rights(connection)

    postgres.databases.make_template("template_outbox", create_tables)
    return "template_outbox"


@pytest.fixture
def postgres_outbox(postgres: PostgresServer | ExternalPostgres, outbox_template: str) -> Iterator[PostgresOutbox]:
    with postgres.databases.clone(outbox_template) as url:
        outbox = PostgresOutbox(url, as_process(url, Process.RELAY))
        yield outbox
        outbox.close()


@pytest.fixture(params=["postgresql", "mongodb", OVER_AMQP])
def outbox(request: pytest.FixtureRequest, service: str) -> Iterator[Outbox]:
    """What every source and either broker side has to cope with."""
    if request.param != "mongodb":
        yield request.getfixturevalue("postgres_outbox")
        return
    server: AnyMongo = request.getfixturevalue("mongodb_server")
    url, urls = server.create_database(service), server.let_in(service, [Process.RELAY])
    with MongoClient[dict[str, Any]](url) as owner:
        mongo.grant_rights(owner.get_default_database(), DOCUMENTS)
    documents = MongoOutbox(url, urls.get(Process.RELAY))
    yield documents
    documents.close()


@pytest.fixture
def relay_port(request: pytest.FixtureRequest, broker: Broker) -> int:
    """The port of the stream protocol for a test's relays, 0 for those that send logs by AMQP."""
    parameters = getattr(request.node, "callspec", None)
    over_amqp = parameters is not None and parameters.params.get("outbox") == OVER_AMQP
    return 0 if over_amqp or getattr(request, "param", None) is BrokerSide.AMQP else broker.stream_port


@pytest.fixture
def start_relay(service: str, broker: Broker, relay_port: int, tmp_path: Path) -> Iterator[StartRelay]:
    """Starts relays of the test's service; extra settings by name."""
    started: list[RelayProcess] = []

    def start(outbox: Outbox, *, service: str = service, **settings: str) -> RelayProcess:
        where = {"RABBITMQ_URL": broker.url, "RABBITMQ_STREAM_PORT": str(relay_port)}
        environment = {"DATABASE_URL": outbox.relay_url} | where | settings
        started.append(RelayProcess(service, tmp_path / "relay.log", **environment))
        return started[-1]

    yield start
    for relay in started:
        relay.kill()
    print((tmp_path / "relay.log").read_text() if started else "")
