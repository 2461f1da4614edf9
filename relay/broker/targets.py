"""Which targets there are, and what docs/outbox-contract.md has them declared with."""

import re
from dataclasses import dataclass
from typing import Any

_LOG = re.compile(r"\.events(\.[1-9][0-9]?)?$")
_DELIVERY_LIMIT_SINCE = 4
"""RabbitMQ 4 drops a command after 20 deliveries unless told otherwise; RabbitMQ 3 does not know -1."""
_DIFFERENCE = re.compile(
    r"inequivalent arg '([^']+)' .*: received .* but current is (none|(?:the value )?'(.*?)'(?: of type '\w+')?)$"
)
_OF_THE_KIND = frozenset({"x-queue-type", "durable", "auto_delete", "exclusive"})
"""What makes a target what it is; all else is how much of it the broker keeps, and an operator's to choose."""


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


def as_it_is(arguments: dict[str, Any], complaint: str) -> dict[str, Any] | None:
    """Returns the arguments with the one that the broker found different put as the broker has it.

    The broker names only the first difference, and a limit before the kind: so the kind is known to be right only when
    all other differences are gone. None when the difference is one of kind, or was not told.
    """
    told = _DIFFERENCE.search(complaint)
    if told is None or told[1] in _OF_THE_KIND:
        return None
    name, current, value = told.groups()
    others = {key: kept for key, kept in arguments.items() if key != name}
    return others if current == "none" else others | {name: _value(value)}


def _value(text: str) -> Any:
    """Reads a value as the broker tells it: what looks like a number is one, as no limit is a number in a text."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else text
