"""Every service's user tries everything on every log of the hospital, by both protocols: what is its own to do works.

A log is written by its writer, and read by it and by those whose contracts name it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any, Final

import amqp
import pytest

from infirmary.registry import logs_written_by, names
from local.plan import logs_read_by
from local.servers import RabbitMQServer
from local.topology import RECORDED_BY
from tests.integration.local.stream_client import ACCESS_REFUSED, OK, StreamClient
from tests.integration.local.test_private_servers import channel

SERVICES: Final = names()
READS: Final = {service: logs_read_by(service) for service in SERVICES}
STREAM: Final = {"durable": True, "auto_delete": False, "arguments": {"x-queue-type": "stream"}}


def whole(stem: str) -> str:
    return stem if ".to." in stem else f"{stem}.events"


LOGS: Final = sorted({log for service in SERVICES for log in logs_written_by(service, RECORDED_BY)})
PARTS: Final = [f"{log}.3" for log in LOGS if log.endswith(".events")]
QUEUES: Final = [f"{service}.inbox" for service in SERVICES]


def writer_of(name: str) -> str:
    return name.partition(".")[0]


def may_read(service: str, log: str) -> bool:
    stem = log.removesuffix(".3")
    return writer_of(log) == service or stem in map(whole, READS[service])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQServer]:
    """A broker with all logs, each declared by its writer, bound to its writer's exchange."""
    with RabbitMQServer(tmp_path_factory.mktemp("rabbitmq"), users=READS) as server:
        for service in SERVICES:
            with channel(server.url_of(service)) as own:
                own.exchange_declare(f"{service}.logs", "direct", durable=True, auto_delete=False)
                for name in (log for log in (*LOGS, *PARTS) if writer_of(log) == service):
                    own.queue_declare(name, **STREAM)
                    own.queue_bind(name, f"{service}.logs", routing_key=name)
                own.queue_declare(f"{service}.inbox", durable=True, auto_delete=False)
        yield server


class Account:
    """A connection by AMQP 0-9-1 as one user; a refused question costs its channel, and the next one opens another."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self._connection = stack.enter_context(channel(url)).connection

    def may(self, ask: Callable[[Any], object]) -> bool:
        with closing(self._connection.channel()) as asking:
            try:
                ask(asking)
            except amqp.AccessRefused:
                return False
        return True


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def account(server: RabbitMQServer, service: str) -> Iterator[Account]:
    with ExitStack() as stack:
        yield Account(server.url_of(service), stack)


def publish_to(exchange: str, log: str) -> Callable[[Any], object]:
    return lambda asking: asking.basic_publish_confirm(amqp.Message("{}"), exchange=exchange, routing_key=log)


def bind(log: str, exchange: str) -> Callable[[Any], object]:
    return lambda asking: asking.queue_bind(log, exchange, routing_key=log)


def passing_on(queue: str, exchange: str, log: str) -> Callable[[Any], object]:
    """Declares a queue of which the broker writes what expires to another exchange."""
    further = {"x-dead-letter-exchange": exchange, "x-dead-letter-routing-key": log, "x-message-ttl": 0}
    return lambda asking: asking.queue_declare(queue, durable=False, auto_delete=True, arguments=further)


def declare(log: str) -> Callable[[Any], object]:
    return lambda asking: asking.queue_declare(log, **STREAM)


def declare_exchange(name: str) -> Callable[[Any], object]:
    return lambda asking: asking.exchange_declare(name, "direct", durable=True, auto_delete=False)


def on(name: str, method: str) -> Callable[[Any], object]:
    return lambda asking: getattr(asking, method)(name)


def consume(log: str) -> Callable[[Any], object]:
    def ask(asking: Any) -> None:
        asking.basic_qos(0, 1, False)
        asking.basic_consume(log)

    return ask


def test_by_amqp_a_log_is_written_by_its_writer_alone_and_read_by_whom_the_contracts_name(
    account: Account, service: str
) -> None:
    for log in (*LOGS, *PARTS):
        is_own, writers = writer_of(log) == service, f"{writer_of(log)}.logs"
        assert not account.may(publish_to("", log)), f"{log}, through the default exchange"
        assert account.may(publish_to(writers, log)) == is_own, f"{log}, through its writer's exchange"
        assert account.may(bind(log, f"{service}.logs")) == is_own, f"{log}, bound to an exchange of one's own"
        assert account.may(consume(log)) == may_read(service, log), log
        assert account.may(declare(log)) == is_own, log
    for queue in QUEUES:
        is_own = writer_of(queue) == service
        assert not account.may(publish_to("", queue)), queue
        assert account.may(on(queue, "basic_get")) == is_own, queue
        assert account.may(on(queue, "queue_purge")) == is_own, queue


def test_by_amqp_nobody_deletes_what_is_not_his(account: Account, service: str) -> None:
    for log in (*LOGS, *PARTS, *QUEUES):
        if writer_of(log) != service:
            assert not account.may(on(log, "queue_delete")), log
    for other in SERVICES:
        for exchange in (f"{other}.logs", f"{other}.owner"):
            may = account.may(declare_exchange(exchange))
            assert may == (other == service), exchange
            if other != service:
                assert not account.may(on(exchange, "exchange_delete")), exchange
    own = f"{service}.events.63"
    assert account.may(declare(own))
    assert account.may(on(own, "queue_delete"))
    assert account.may(on(f"{service}.owner", "exchange_delete"))


def test_by_amqp_no_queue_of_ones_own_passes_on_what_one_may_not_write(account: Account, service: str) -> None:
    strange = next(log for log in LOGS if writer_of(log) != service)
    for exchange in ("", f"{writer_of(strange)}.logs"):
        assert not account.may(passing_on(f"{service}.to.nobody", exchange, strange)), exchange
    theirs = f"{writer_of(strange)}.logs"
    assert not account.may(lambda asking: asking.exchange_bind(theirs, f"{service}.logs", routing_key=strange))
    assert account.may(passing_on(f"{service}.to.nobody", f"{service}.logs", strange))


def test_by_the_stream_protocol_it_is_the_same(server: RabbitMQServer, service: str) -> None:
    for log in (*LOGS, *PARTS):
        is_own = OK if writer_of(log) == service else ACCESS_REFUSED
        with StreamClient(server.url_of(service), server.stream_port) as client:
            assert client.publish(log, b"{}") == is_own, log
            assert client.subscribe(log) == (OK if may_read(service, log) else ACCESS_REFUSED), log
            if is_own == ACCESS_REFUSED:
                assert client.create(f"{log}1") == ACCESS_REFUSED, log
                assert client.delete(log) == ACCESS_REFUSED, log
    with StreamClient(server.url_of(service), server.stream_port) as client:
        own = f"{service}.events.63"
        assert (client.create(own), client.delete(own)) == (OK, OK)


def test_the_contracts_name_logs_that_somebody_writes() -> None:
    assert {whole(stem) for stems in READS.values() for stem in stems} <= set(LOGS)
    assert all(may_read(service, log) for log in LOGS for service in SERVICES if log.endswith(f".to.{service}"))
