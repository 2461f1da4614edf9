"""A message as its log tells it, as far as it is compared with what the database has given out. Pure."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from infirmary_relay.broker.targets import counted_as


class Told(NamedTuple):
    """A message at the end of a log."""

    log: str
    """The log's name, or its part's."""
    subject: str
    sequence: int
    message_id: str
    causation_id: str | None
    written_at: float
    """By its writer's clock, in unix time; infinite when it does not tell."""

    @property
    def counted_as(self) -> str:
        """What its sequence is counted under."""
        return counted_as(self.log, self.subject)


def told_by(log: str, properties: Mapping[str, Any]) -> Told | None:
    """Reads what is compared; None for a message whose number nobody vouches for.

    Nobody does where the message names no schema: a row without a header of its own asks nothing of its writer, so it
    may have any number. A state that is told again has the number of the message that it repeats, and another cause.

    Args:
        log: Where it lies.
        properties: By the names that AMQP 0-9-1 gives them, the headers under `application_headers`.
    """
    headers = properties.get("application_headers") or {}
    subject, sequence, message_id = headers.get("subject"), headers.get("sequence"), properties.get("message_id")
    if "state" in headers or not headers.get("dataschema"):
        return None
    if not isinstance(subject, str) or not isinstance(message_id, str):
        return None
    if not isinstance(sequence, int) or isinstance(sequence, bool):
        return None
    causation_id = headers.get("causation_id")
    return Told(
        log,
        subject,
        sequence,
        message_id,
        causation_id if isinstance(causation_id, str) else None,
        _written_at(headers.get("time")),
    )


def _written_at(time: object) -> float:
    try:
        return datetime.fromisoformat(str(time)).timestamp()
    except ValueError:
        return math.inf
