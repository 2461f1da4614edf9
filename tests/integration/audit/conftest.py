"""A tenth service, one that the audit has never heard of: its database, and the broker."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import amqp
import psycopg
import pytest

from audit.broker import connection_to
from audit.collector import Collector
from audit.facts import Facts
from audit.ledger import Ledger
from audit.verdict import judge
from tests.chaos.nemesis.post import Post
from tests.integration.conftest import NewDatabase


@contextmanager
def declared(rabbitmq_url: str, queue: str, kind: str = "stream") -> Iterator[amqp.Channel]:
    """Makes a log, or a queue in its place, and takes it away again."""
    connection = connection_to(rabbitmq_url)
    connection.connect()
    try:
        channel = connection.channel()
        channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-queue-type": kind})
        yield channel
        channel.queue_delete(queue)
    finally:
        connection.close()


class Tenth:
    """The service, whose name is another one in each test, as the logs of all tests are on one broker."""

    def __init__(self, database_url: str, rabbitmq_url: str) -> None:
        self.name = "pharmacist" + re.sub("[^a-z]", "", uuid4().hex)
        self.database_url, self.rabbitmq_url = database_url, rabbitmq_url
        self.env = {
            "RABBITMQ_URL": rabbitmq_url,
            f"{self.name.upper()}_URL": "http://127.0.0.1:9",
            f"{self.name.upper()}_DATABASE_URL": database_url,
        }

    def execute(self, statement: str, *values: object) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as session:
            session.execute(statement, values)

    def facts(self, **env: str) -> Facts:
        with Collector({**self.env, **env}) as collector:
            collector.logs.catch_up(0.3)
            return collector.facts(Ledger())

    def broken(self, **env: str) -> dict[str, str]:
        """Returns what is found wrong with this service, by rule."""
        found = judge(self.facts(**env)).violations
        return {each.rule: f"{each.where}: {each.what}" for each in found if each.where.startswith(self.name)}


@pytest.fixture
def tenth(new_database: NewDatabase, rabbitmq_url: str) -> Iterator[Tenth]:
    tenth = Tenth(new_database("ward").database_url, rabbitmq_url)
    with declared(rabbitmq_url, f"{tenth.name}.events"):
        yield tenth


@pytest.fixture
def post(rabbitmq_url: str) -> Iterator[Post]:
    with Post(rabbitmq_url) as post:
        yield post
