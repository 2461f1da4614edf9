"""What is no log under a log's name stops only its own reader, and says so."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from prometheus_client import REGISTRY

from infirmary.consumer.broker import Broker
from infirmary.consumer.unreadable import Unreadable
from infirmary.identifiers import new_id
from tests.eventually import eventually
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import COMMANDS, LOG
from tests.integration.infirmary.publisher import Publisher, consuming

ODD_LOGS: list[dict[str, Any]] = [
    {},
    {"x-single-active-consumer": True},
    {"x-queue-type": "quorum"},
]


def unreadable(channel: str, kind: str) -> float | None:
    return REGISTRY.get_sample_value("infirmary_channel_unreadable", {"channel": channel, "reason": kind})


def sessions_lost() -> float | None:
    return REGISTRY.get_sample_value("infirmary_consumer_reconnects_total")


@pytest.fixture
def publisher(rabbitmq_url: str) -> Iterator[Publisher]:
    """A publisher on a broker where there is no log."""
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
    publisher.declare_log(COMMANDS)
    publisher.tell("a", 1)
    saga_id, lost = new_id(), sessions_lost()
    with consuming(counting, rabbitmq_url) as liveness:
        eventually(lambda: LOG in (liveness.not_ready() or ""), because="the consumer says what it cannot read")
        assert unreadable(LOG, "wrong_kind") == 1
        publisher.ask(saga_id, 1)
        eventually(lambda: counting.numbers(saga_id) == [1], because="commands are applied meanwhile")
        assert publisher.channel.queue_declare(LOG, passive=True).message_count == 1, "nothing was taken out of it"
        publisher.channel.queue_delete(LOG)
        publisher.declare_log()
        publisher.tell("a", 1)
        eventually(lambda: counting.numbers("a") == [1], because="the log is found", within_s=40)
        eventually(lambda: liveness.not_ready() is None, because="there is nothing more to be said")
        assert unreadable(LOG, "wrong_kind") == 0
    assert sessions_lost() == lost


def test_logs_that_are_deleted_while_they_are_read_cost_no_session(
    counting: Counting, publisher: Publisher, rabbitmq_url: str
) -> None:
    publisher.declare_log(LOG, COMMANDS)
    publisher.tell("a", 1, 2)
    saga_id = new_id()
    with consuming(counting, rabbitmq_url) as liveness:
        eventually(lambda: counting.numbers("a") == [1, 2], because="the log is read")
        lost = sessions_lost()
        publisher.delete()
        eventually(lambda: unreadable(LOG, "missing") == 1, because="it is seen that the log is gone")
        assert liveness.not_ready() is None, "its publisher may only just be starting"
        publisher.declare_log(LOG, COMMANDS)
        publisher.tell("a", 2, 3)
        eventually(lambda: counting.numbers("a") == [1, 2, 3], because="the new log is read", within_s=40)
        publisher.ask(saga_id, 1)
        eventually(lambda: counting.numbers(saga_id) == [1], because="the new log of commands is read", within_s=40)
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
            assert len(broker._connection.connection.channels) == open_channels
    finally:
        exclusive.close()
        publisher.channel.queue_delete("odd.queue")


def kind_of(broker: Broker, name: str, offset: str | None) -> str:
    with pytest.raises(Unreadable) as odd:
        broker.subscribe(name, 10, offset)
    return odd.value.kind
