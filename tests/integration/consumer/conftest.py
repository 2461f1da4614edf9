"""The counting service on each database."""

from collections.abc import Iterator

import pytest

from infirmary.identifiers import new_id
from infirmary.process_roles import Process
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import COMMANDS, LOG, Faults
from tests.integration.consumer.on_mongodb import MongoCounting
from tests.integration.consumer.on_postgres import PostgresCounting
from tests.integration.consumer.publisher import Publisher


@pytest.fixture
def faults() -> Faults:
    """What is wrong with the counting service; tests change it."""
    return Faults()


@pytest.fixture
def on_postgres(request: pytest.FixtureRequest, faults: Faults) -> Iterator[PostgresCounting]:
    """The service on a fresh database of PostgreSQL."""
    service = PostgresCounting(request.getfixturevalue("new_database")("patient"), faults)
    yield service
    service.close()


@pytest.fixture
def on_mongodb(request: pytest.FixtureRequest, faults: Faults) -> Iterator[MongoCounting]:
    """The service on a fresh database of MongoDB."""
    consumer = request.getfixturevalue("mongodb_as")(f"counting_{new_id().hex}", Process.CONSUMER)
    service = MongoCounting(consumer, faults)
    yield service
    service.close()


@pytest.fixture(params=["postgresql", "mongodb"])
def counting(request: pytest.FixtureRequest, reading_port: int) -> Counting:
    """The service on either, which reads from a broker by either protocol."""
    kind = "on_postgres" if request.param == "postgresql" else "on_mongodb"
    service: Counting = request.getfixturevalue(kind)
    service.reading_port = reading_port
    return service


@pytest.fixture
def publisher(rabbitmq_url: str) -> Iterator[Publisher]:
    """A publisher on a broker whose logs are empty."""
    publisher = Publisher(rabbitmq_url)
    publisher.delete()
    publisher.declare(LOG, COMMANDS)
    yield publisher
    publisher.delete()
    publisher.close()
