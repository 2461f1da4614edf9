"""Which targets there are, and what docs/outbox-contract.md has them declared with."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infirmary_relay.message import LONGEST_TARGET_BYTES

_LOG = re.compile(r".\.(?:(?P<events>events)|to\.[a-z][a-z0-9-]*)(?:\.[1-9][0-9]?)?\Z")
_DIFFERENCE = re.compile(
    r"inequivalent arg '([^']+)' .*: received .* but current is (none|(?:the value )?'(.*?)'(?: of type '\w+')?)$"
)
_OF_THE_KIND = frozenset({"x-queue-type", "durable", "auto_delete", "exclusive"})
"""What makes a target what it is; all else is how much of it the broker keeps, and an operator's to choose."""


def log_names(service: str, parts: int) -> list[str]:
    """The names of all parts of a service's log; the first has the log's own."""
    return [f"{service}.events", *(f"{service}.events.{part}" for part in range(1, parts))]


def is_log(target: str) -> bool:
    """Whether a target has the name of a log: events for everybody, or commands and replies for one peer."""
    return _LOG.search(target) is not None and len(target.encode(errors="replace")) <= LONGEST_TARGET_BYTES


def logs_to_declare(service: str, parts: int, noted: Iterable[str]) -> list[str]:
    """Lists the logs to declare before anything is sent.

    Args:
        service: the service's name.
        parts: into how many its log of events is split.
        noted: what the service has noted in `outbox_log`; what has no log's name is left out.
    """
    return list(dict.fromkeys([*log_names(service, parts), *filter(is_log, noted)]))


@dataclass(frozen=True)
class LogLimits:
    """How much of a log the broker keeps when the relay had to declare it."""

    max_age: str
    max_bytes: int
    """Of events only: a command that is not yet read must not be pushed out by later ones."""


def arguments_of(target: str, limits: LogLimits) -> dict[str, Any] | None:
    """Gives the arguments that a log is declared with; None when the target has no log's name."""
    name = _LOG.search(target)
    if name is None:
        return None
    arguments: dict[str, Any] = {"x-queue-type": "stream", "x-max-age": limits.max_age}
    return arguments | ({"x-max-length-bytes": limits.max_bytes} if name["events"] else {})


def as_it_is(arguments: dict[str, Any], complaint: str) -> dict[str, Any] | None:
    """The arguments with the one that the broker found different put as the broker has it.

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
