"""A database or a broker that hangs keeps the consumer waiting, alive, and it goes on by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from infirmary.consumer.loop import Consumer, Session
from infirmary.observing.health import Liveness
from infirmary.postgres.database import is_transient
from infirmary.postgres.store import PostgresStore
from tests.chaos.proxy import Proxy, Way
from tests.eventually import eventually
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import LOG
from tests.integration.infirmary.publisher import Publisher, publisher
from tests.integration.infirmary.running import running
from tests.integration.reading import be_impatient, brokers

__all__ = ["publisher"]


@contextmanager
def consuming_through(counting: Counting, rabbitmq_url: str, database: Proxy, broker: Proxy) -> Iterator[Liveness]:
    """Runs a consumer behind two proxies."""
    liveness = Liveness()
    behind = counting.settings.model_copy(update={"database_url": database.url(counting.settings.database_url)})

    def connect() -> Session:
        store = PostgresStore("counting", behind, counting.dispatcher, counting.notifier)
        applier = counting.applier_on(store)
        through = (rabbitmq_url, broker.port) if counting.reading_port else (broker.url(rabbitmq_url), 0)
        by_amqp, by_streams = brokers(*through)
        return Session("counting", [LOG], store, applier, by_amqp, 100, reads_logs=by_streams)

    with running(Consumer(connect, is_transient, liveness), ends_within_s=40):
        yield liveness


@pytest.mark.parametrize("which", ["database", "broker"])
def test_a_server_that_hangs_is_waited_for_by_a_consumer_that_is_alive(
    counting: Counting,
    publisher: Publisher,
    rabbitmq_url: str,
    monkeypatch: pytest.MonkeyPatch,
    which: str,
) -> None:
    be_impatient(monkeypatch)
    with (
        Proxy(urlsplit(counting.settings.database_url).port or 5432) as database,
        Proxy(counting.reading_port or urlsplit(rabbitmq_url).port or 5672) as broker,
        consuming_through(counting, rabbitmq_url, database, broker) as liveness,
    ):
        publisher.tell("a", 1)
        eventually(lambda: counting.numbers("a") == [1], because="the consumer works")
        server = {"database": database, "broker": broker}[which]
        server.swallow(Way.UP, Way.DOWN)
        publisher.tell("a", 2)
        eventually(lambda: "session" in (liveness.not_ready() or ""), because="it says what it waits for", within_s=40)
        assert liveness.stuck() is None
        server.restore()
        server.reset()
        eventually(lambda: counting.numbers("a") == [1, 2], because="it goes on by itself", within_s=60)
        eventually(lambda: liveness.not_ready() is None, because="and says so")
