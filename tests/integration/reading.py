"""Connections of a consumer of the tests, by either protocol."""

import pytest

from infirmary.consumer import broker as amqp
from infirmary.consumer.broker import Broker
from infirmary.consumer.log_broker import LogBroker
from infirmary.consumer.streams import node
from infirmary.consumer.streams.broker import StreamBroker
from infirmary_streams import conversation, transport
from infirmary_streams.address import StreamAddress

NAME = "counting"


def brokers(rabbitmq_url: str, stream_port: int) -> tuple[Broker, StreamBroker | None]:
    """Returns a connection by AMQP 0-9-1, and one by the stream protocol where there is a port for it."""
    streams = by_streams(rabbitmq_url, stream_port) if stream_port else None
    try:
        return Broker(rabbitmq_url, NAME), streams
    except BaseException:
        if streams is not None:
            streams.close()
        raise


def connected(rabbitmq_url: str, stream_port: int) -> LogBroker:
    """Returns the one by which logs are read."""
    return by_streams(rabbitmq_url, stream_port) if stream_port else Broker(rabbitmq_url, NAME)


def by_streams(rabbitmq_url: str, stream_port: int) -> StreamBroker:
    """Returns a connection by the stream protocol."""
    address = StreamAddress.beside(rabbitmq_url, stream_port)
    return StreamBroker(address, NAME, lambda: Broker(rabbitmq_url, NAME))


def be_impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a consumer that connects from now on wait two seconds for a broker that hangs."""
    monkeypatch.setattr(amqp, "ANSWER_WITHIN_S", 2)
    monkeypatch.setattr(amqp, "HEARTBEAT_S", 2)
    monkeypatch.setattr(node, "ANSWER_WITHIN_S", 2)
    monkeypatch.setattr(conversation, "HEARTBEAT_S", 2)
    monkeypatch.setattr(transport, "HEARTBEAT_S", 2)
