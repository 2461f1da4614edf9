"""The two ways to a log: RabbitMQ's stream protocol, and AMQP 0-9-1 where a broker has no plugin for it."""

from enum import StrEnum


class BrokerSide(StrEnum):
    """By which of them relay and consumers reach logs."""

    STREAMS = "streams"
    AMQP = "amqp"
