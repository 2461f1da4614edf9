"""What an inbox queue is declared with, and what of it an operator may have changed. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

INBOX_ARGUMENTS: Final[dict[str, Any]] = {"x-queue-type": "quorum", "x-single-active-consumer": True}
"""Without these it is no inbox: it could lose commands, or two consumers would take them out of their order."""

_DIFFERS = re.compile(
    r"inequivalent arg '(?P<name>x-[^']+)'.* current is "
    r"(?:none|(?:the value )?'(?P<value>[^']*)'(?: of type '(?P<type>\w+)')?)"
)


def arguments_of(server_properties: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a new inbox on a broker that has introduced itself so."""
    major = int(str(server_properties.get("version", "0")).split(".")[0])
    # From 4.0 on a quorum queue drops a message after 20 deliveries, which an outage of the database uses up in
    # seconds.
    return INBOX_ARGUMENTS | ({"x-delivery-limit": -1} if major >= 4 else {})


def taken_over(arguments: Mapping[str, Any], told_by_broker: str) -> dict[str, Any] | None:
    """Returns the arguments with the one that differs as the queue has it, or None if that makes it no inbox.

    The broker names one at a time. Limits are an operator's own affair.
    """
    found = _DIFFERS.search(told_by_broker)
    if found is None or found["name"] in INBOX_ARGUMENTS:
        return None
    name, value, kind = found.group("name", "value", "type")
    if value is None:
        return {each: arguments[each] for each in arguments if each != name}
    if kind is not None and kind not in ("longstr", "bool"):
        return {**arguments, name: int(value)}
    return {**arguments, name: value == "true" if kind == "bool" else value}
