"""Which targets there are, and what docs/outbox-contract.md has them declared with."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from infirmary_relay.message import LONGEST_TARGET_BYTES

_LOG = re.compile(r"(?P<writer>.+?)\.(?:(?P<events>events)|to\.[a-z][a-z0-9-]*)(?P<part>\.[1-9][0-9]?)?\Z", re.DOTALL)
_DIFFERENCE = re.compile(
    r"inequivalent arg '([^']+)' .*: received .* but current is (none|(?:the value )?'(.*?)'(?: of type '\w+')?)$"
)
_OF_THE_KIND = frozenset({"x-queue-type", "durable", "auto_delete", "exclusive"})
"""What makes a target what it is; all else is how much of it the broker keeps, and an operator's to choose."""
_SECONDS = {"Y": 31_536_000, "M": 2_592_000, "D": 86_400, "h": 3600, "m": 60, "s": 1}


def log_names(service: str, parts: int) -> list[str]:
    """The names of all parts of a service's log; the first has the log's own."""
    return [f"{service}.events", *(f"{service}.events.{part}" for part in range(1, parts))]


def is_log(target: str) -> bool:
    """Whether a target has the name of a log: events for everybody, or commands and replies for one peer."""
    return _LOG.search(target) is not None and len(target.encode(errors="replace")) <= LONGEST_TARGET_BYTES


def exchange_of(service: str) -> str:
    """The exchange through which a service writes its logs by AMQP.

    On the default exchange the broker asks for one right, by which every log can be written. To bind a log to this one
    it asks for the right to write to the log, which its writer alone has.
    """
    return f"{service}.logs"


def is_anothers(target: str, service: str) -> str | None:
    """Says why a target is not this service's to write, None when it may be.

    A log has one writer, whose name its own begins with. A queue's name says nothing of those who may send to it.
    """
    name = _LOG.search(target)
    if name is None or name["writer"] == service:
        return None
    return f"{target} is a log of {name['writer']!r:.80}, and the relay of {service} writes to no other's"


def counted_as(log: str, subject: str) -> str:
    """What the sequence of a log's message is counted under in `outbox_sequence`.

    Events are counted by their subject, commands and replies by the name of the whole log as well.
    """
    name = _LOG.search(log)
    if name is None or name["events"]:
        return subject
    return f"{log.removesuffix(name['part'] or '')} {subject}"


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
    events_max_age: str | None = None
    """Of events, where that is another age."""
    segment_bytes: int | None = None
    """Of events: how long a file is. The broker forgets whole files, and never the last one."""

    @property
    def max_age_s(self) -> float:
        """How long a log keeps a message at least, in seconds; a month has 30 days, and a year 365."""
        return float(self.max_age[:-1]) * _SECONDS[self.max_age[-1]]


def arguments_of(target: str, limits: LogLimits) -> dict[str, Any] | None:
    """Gives the arguments that a log is declared with; None when the target has no log's name."""
    name = _LOG.search(target)
    if name is None:
        return None
    if not name["events"]:
        return {"x-queue-type": "stream", "x-max-age": limits.max_age}
    arguments = {
        "x-queue-type": "stream",
        "x-max-age": limits.events_max_age or limits.max_age,
        "x-max-length-bytes": limits.max_bytes,
        "x-stream-max-segment-size-bytes": limits.segment_bytes,
    }
    return {key: value for key, value in arguments.items() if value is not None}


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
