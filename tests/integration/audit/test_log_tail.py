"""A tail begins where it is told to, and keeps what it is told to keep."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import amqp
import pytest

from audit.logs import LogTail
from tests.eventually import eventually
from tests.integration.relay.broker import Broker

A_PAST = 3000


class Log:
    """A log of a publisher with a name of its own."""

    def __init__(self, rabbitmq_url: str) -> None:
        self.publisher = f"p{uuid4().hex[:12]}"
        self._url = urlsplit(rabbitmq_url)
        Broker(rabbitmq_url).declare(f"{self.publisher}.events", **{"x-queue-type": "stream"})

    def write(self, correlation_id: str, count: int = 1) -> None:
        """Publishes events and waits until they are there."""
        with amqp.Connection(
            f"{self._url.hostname}:{self._url.port}", userid=self._url.username, password=self._url.password,
            virtual_host=self._url.path[1:] or "/",
        ) as connection:  # fmt: skip
            channel = connection.channel()
            channel.tx_select()
            for number in range(1, count + 1):
                headers = {"subject": "s", "sequence": number, "time": datetime.now(UTC).isoformat()}
                message = amqp.Message(
                    b"{}", message_id=str(uuid4()), app_id=self.publisher, type="Noted",
                    correlation_id=correlation_id, application_headers=headers,
                )  # fmt: skip
                channel.basic_publish(message, routing_key=f"{self.publisher}.events")
            channel.tx_commit()


@pytest.fixture
def log(rabbitmq_url: str) -> Log:
    return Log(rabbitmq_url)


@contextlib.contextmanager
def tail_of(url: str, log: Log, **options: object) -> Iterator[LogTail]:
    tail = LogTail(url, [log.publisher], **options)  # type: ignore[arg-type]
    try:
        yield tail
    finally:
        tail.close()


def test_a_tail_that_begins_now_reads_nothing_of_the_past(rabbitmq_url: str, log: Log) -> None:
    log.write("past", A_PAST)
    with tail_of(rabbitmq_url, log, since=datetime.now(UTC) + timedelta(hours=1)) as tail:
        assert tail.read(0.5)
        log.write("now")
        eventually(lambda: tail.read(0.1) and tail.messages[log.publisher], because="the new event is read")
        assert [message.correlation_id for message in tail.messages[log.publisher]] == ["now"]


def test_a_tail_of_one_clients_messages_forgets_all_others(rabbitmq_url: str, log: Log) -> None:
    log.write("demo-1-a")
    log.write("somebody-else", A_PAST)
    log.write("demo-1-b")
    with tail_of(rabbitmq_url, log, correlated="demo-1") as tail:
        eventually(
            lambda: tail.read(0.2) and len(tail.messages[log.publisher]) == 2, because="both of the client's are read"
        )
        assert [message.correlation_id for message in tail.messages[log.publisher]] == ["demo-1-a", "demo-1-b"]


def test_reading_ends_although_others_go_on_writing(rabbitmq_url: str, log: Log) -> None:
    log.write("past", A_PAST)
    with tail_of(rabbitmq_url, log) as tail:
        assert tail.read(60.0, at_most_s=0.0)
        assert len(tail.messages[log.publisher]) < A_PAST
