"""What is no log under a log's name, and no inbox under the inbox's, stops only its own reader, and says so."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from prometheus_client import REGISTRY

from services.chassis.consumer.broker import Broker
from services.chassis.consumer.unreadable import Unreadable
from services.chassis.identifiers import new_id
from tests.eventually import eventually
from tests.integration.chassis.conftest import LOG, QUEUE, Counting
from tests.integration.chassis.test_consumer import Publisher, consuming

ODD_LOGS: list[dict[str, Any]] = [
    {},
    {"x-single-active-consumer": True},
    {"x-queue-type": "quorum"},
]
ODD_INBOXES: list[dict[str, Any]] = [
    {"x-queue-type": "stream"},
    {"x-queue-type": "quorum"},
    {},
    {"x-max-length": 5, "x-single-active-consumer": True},
]


def unreadable(channel: str, kind: str) -> float | None:
    return REGISTRY.get_sample_value("infirmary_channel_unreadable", {"channel": channel, "reason": kind})


def sessions_lost() -> float | None:
    return REGISTRY.get_sample_value("infirmary_consumer_reconnects_total")


@pytest.fixture
def publisher(rabbitmq_url: str) -> Iterator[Publisher]:
    """A publisher on a broker where there is neither a log nor an inbox."""
    publisher = Publisher(rabbitmq_url)
    publisher.delete()
    yield publisher
    publisher.delete()
    publisher.close()


def declare(publisher: Publisher, name: str, arguments: dict[str, Any]) -> None:
    publisher.channel.queue_declare(name, durable=True, auto_delete=False, arguments=arguments)


@pytest.mark.parametrize("arguments", ODD_LOGS)
def test_a_queue_under_a_logs_name_stops_only_its_reader_until_the_log_is_there(
    counting: Counting, publisher: Publisher, rabbitmq_url: str, arguments: dict[str, Any]
) -> None:
    declare(publisher, LOG, arguments)
    publisher.tell("a", 1)
    saga_id, lost = new_id(), sessions_lost()
    with consuming(counting, rabbitmq_url) as heart:
        eventually(lambda: LOG in (heart.not_ready() or ""), because="the consumer says what it cannot read")
        assert unreadable(LOG, "wrong_kind") == 1
        publisher.ask(saga_id, 1)
        eventually(lambda: counting.numbers(saga_id) == [1], because="commands are applied meanwhile")
        assert publisher.channel.queue_declare(LOG, passive=True).message_count == 1, "nothing was taken out of it"
        publisher.channel.queue_delete(LOG)
        publisher.declare_log()
        publisher.tell("a", 1)
        eventually(lambda: counting.numbers("a") == [1], because="the log is found", within_s=40)
        eventually(lambda: heart.not_ready() is None, because="there is nothing more to be said")
        assert unreadable(LOG, "wrong_kind") == 0
    assert sessions_lost() == lost


@pytest.mark.parametrize("arguments", ODD_INBOXES)
def test_a_queue_that_is_no_inbox_is_not_read_and_keeps_no_log_from_being_read(
    counting: Counting, publisher: Publisher, rabbitmq_url: str, arguments: dict[str, Any]
) -> None:
    publisher.declare_log()
    declare(publisher, QUEUE, arguments)
    publisher.tell("a", 1)
    saga_id, lost = new_id(), sessions_lost()
    publisher.ask(saga_id, 1)
    with consuming(counting, rabbitmq_url) as heart:
        eventually(lambda: counting.numbers("a") == [1], because="the log is read")
        eventually(lambda: QUEUE in (heart.not_ready() or ""), because="the consumer says what it cannot read")
        assert heart.stuck() is None
        assert counting.numbers(saga_id) == []
        publisher.channel.queue_delete(QUEUE)
        eventually(lambda: heart.not_ready() is None, because="the inbox is declared anew", within_s=40)
        publisher.ask(saga_id, 1)
        eventually(lambda: counting.numbers(saga_id) == [1], because="commands are applied")
    assert sessions_lost() == lost


@pytest.mark.parametrize(
    "limits", [{"x-max-length": 5}, {"x-max-length-bytes": 10_000, "x-overflow": "reject-publish"}]
)
def test_an_inbox_that_an_operator_has_limited_is_read(
    counting: Counting, publisher: Publisher, rabbitmq_url: str, limits: dict[str, Any]
) -> None:
    declare(publisher, QUEUE, {"x-queue-type": "quorum", "x-single-active-consumer": True, **limits})
    saga_id = new_id()
    publisher.ask(saga_id, 1)
    with consuming(counting, rabbitmq_url):
        eventually(lambda: counting.numbers(saga_id) == [1], because="the command is applied")


def test_a_log_and_an_inbox_that_are_deleted_while_they_are_read_cost_no_session(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.declare_log()
    publisher.tell("a", 1, 2)
    saga_id = new_id()
    with consuming(counting, rabbitmq_url) as heart:
        eventually(lambda: counting.numbers("a") == [1, 2], because="the log is read")
        lost = sessions_lost()
        publisher.delete()
        eventually(lambda: unreadable(LOG, "missing") == 1, because="it is seen that the log is gone")
        assert heart.not_ready() is None, "its publisher may only just be starting"
        publisher.declare_log()
        publisher.tell("a", 2, 3)
        eventually(lambda: counting.numbers("a") == [1, 2, 3], because="the new log is read", within_s=40)
        publisher.ask(saga_id, 1)
        eventually(lambda: counting.numbers(saga_id) == [1], because="the inbox was declared again")
        assert sessions_lost() == lost


def test_looking_at_what_cannot_be_read_leaves_no_channel_behind(publisher: Publisher, rabbitmq_url: str) -> None:
    declare(publisher, "odd.queue", {})
    exclusive = publisher._connection.channel()
    exclusive.basic_consume("odd.queue", exclusive=True)
    try:
        with closing(Broker(rabbitmq_url, "counting")) as broker:
            open_channels = len(broker._connection.connection.channels)
            for _ in range(20):
                assert kind_of(broker, LOG, "first") == "missing"
                assert kind_of(broker, "odd.queue", "first") == "wrong_kind"
                assert kind_of(broker, "odd.queue", None) == "refused"
                assert not broker.exists(LOG)
                broker.declare_inbox(QUEUE)
            assert len(broker._connection.connection.channels) == open_channels
    finally:
        exclusive.close()
        publisher.channel.queue_delete("odd.queue")


def kind_of(broker: Broker, name: str, offset: str | None) -> str:
    with pytest.raises(Unreadable) as odd:
        broker.subscribe(name, 10, offset)
    return odd.value.kind
