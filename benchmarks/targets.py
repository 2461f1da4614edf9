"""Logs and queues of the broker, declared as a service would."""

import contextlib
from collections.abc import Iterator
from typing import Any

import amqp

from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.declarations import Declarations
from infirmary_relay.broker.targets import LogLimits

_LIMITS = LogLimits("1D", 10_000_000_000)
_QUEUE = {"x-queue-type": "quorum", "x-single-active-consumer": True}


def declare(url: str, target: str) -> None:
    """Declares a log as the relay does, or a quorum queue, to compare with, as the release before used it."""
    if target.endswith(".inbox"):
        with open_channel(url, "benchmark declares") as channel:
            channel.queue_declare(target, durable=True, auto_delete=False, arguments=_QUEUE)
        return
    declarations = Declarations(BrokerAddress.parse(url), _LIMITS)
    problem = declarations.declare(target)
    declarations.close()
    if problem is not None:
        raise RuntimeError(problem)


def delete(url: str, target: str) -> None:
    """Deletes a log or a queue with its messages."""
    with open_channel(url, "benchmark deletes") as channel:
        channel.queue_delete(target)


def disown(url: str, service: str) -> None:
    """Makes the virtual host nobody's, for a service's next database."""
    with open_channel(url, "benchmark disowns") as channel:
        channel.exchange_delete(f"{service}.owner")


@contextlib.contextmanager
def open_channel(url: str, name: str) -> Iterator[Any]:
    """Opens a connection with one channel, numbered 1."""
    connection = amqp.Connection(**BrokerAddress.parse(url).arguments(timeout_s=30.0, name=name))
    connection.connect()
    try:
        yield connection.channel(1)
    finally:
        with contextlib.suppress(OSError, amqp.AMQPError):
            connection.close()
