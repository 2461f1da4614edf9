"""Declares logs and queues as docs/outbox-contract.md lists them; one that exists is taken as it is."""

import contextlib
import re
from dataclasses import dataclass
from typing import Any

import amqp

from relay.broker.address import BrokerAddress
from relay.broker.errors import BrokerLostError

_TIMEOUT_S = 1.5
_LOG = re.compile(r"\.events(\.[1-9][0-9]?)?$")
_DELIVERY_LIMIT_SINCE = 4
"""RabbitMQ 4 drops a command after 20 deliveries unless told otherwise; RabbitMQ 3 does not know -1."""


def log_names(service: str, parts: int) -> list[str]:
    """Returns the names of all parts of a service's log; the first has the log's own."""
    return [f"{service}.events", *(f"{service}.events.{part}" for part in range(1, parts))]


@dataclass(frozen=True)
class LogLimits:
    """How much of a log the broker keeps when the relay had to declare it."""

    max_age: str
    max_bytes: int


def arguments_of(target: str, limits: LogLimits, rabbitmq_version: int) -> dict[str, Any] | None:
    """Returns the arguments that a target is declared with; None when its name tells no kind."""
    if _LOG.search(target):
        return {"x-queue-type": "stream", "x-max-age": limits.max_age, "x-max-length-bytes": limits.max_bytes}
    if target.endswith(".inbox"):
        queue: dict[str, Any] = {"x-queue-type": "quorum", "x-single-active-consumer": True}
        return queue | ({"x-delivery-limit": -1} if rabbitmq_version >= _DELIVERY_LIMIT_SINCE else {})
    return None


def declare(address: BrokerAddress, target: str, limits: LogLimits) -> str | None:
    """Declares a target where it is missing, on a connection of its own; says why it can not, None when it is there.

    Raises:
        BrokerLostError: the broker can not be reached.
    """
    connection = amqp.Connection(**address.arguments(timeout_s=_TIMEOUT_S, name="relay declares"))
    try:
        connection.connect()
        return _declare(connection, target, limits)
    except (OSError, amqp.AMQPError) as failed:
        raise BrokerLostError(f"declaring {target} failed: {failed}") from failed
    finally:
        with contextlib.suppress(OSError, amqp.AMQPError):
            connection.close()


def _declare(connection: amqp.Connection, target: str, limits: LogLimits) -> str | None:
    try:
        connection.channel().queue_declare(target, passive=True)
    except amqp.NotFound:
        version = int(str(connection.server_properties.get("version", "3")).split(".")[0])
        arguments = arguments_of(target, limits, version)
        if arguments is None:
            return f"{target} does not exist, and its name ends neither in .events nor in .inbox"
        connection.channel().queue_declare(target, durable=True, auto_delete=False, arguments=arguments)
    return None
