"""A message as the broker delivers it, before anybody has looked into it."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

from infirmary.printable import printable
from infirmary.transport.envelope import Incoming, MalformedMessage, incoming, unix_time
from infirmary.transport.log_names import NUMBERS_OF_PARTS

_MALFORMED = UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
"""Name space for the ids of messages that have none of their own."""


@dataclass(frozen=True)
class Delivery:
    """A message as the broker delivered it.

    Attributes:
        properties: AMQP properties by py-amqp's names.
        body: The bytes.
        tag: The delivery tag on its channel.
        offset: The place in the log; None for a queue.
    """

    properties: dict[str, Any]
    body: bytes
    tag: int
    offset: int | None = None

    @cached_property
    def message(self) -> Incoming | MalformedMessage:
        """The message, or what is wrong with its attributes."""
        try:
            return incoming(self.properties, self.body)
        except MalformedMessage as malformed:
            return malformed

    @property
    def parts(self) -> int:
        """Into how many parts its publisher writes its log, as far as the message says so."""
        headers = self.properties.get("application_headers")
        parts = headers.get("parts") if isinstance(headers, Mapping) else None
        return parts if type(parts) is int and parts in NUMBERS_OF_PARTS else 1

    @property
    def written(self) -> datetime:
        """When it was written, as far as it says so; never later than now."""
        now = time.time()
        at = unix_time(self.message.time) if isinstance(self.message, Incoming) else None
        return datetime.fromtimestamp(now if at is None else min(at, now), UTC)

    @cached_property
    def identity(self) -> UUID:
        """The message's id, or one made from its content where it has none, to know a second delivery again."""
        if isinstance(self.message, Incoming):
            return self.message.message_id
        return uuid5(_MALFORMED, repr(sorted(printable(self.properties).items())) + sha256(self.body).hexdigest())


def is_behind_a_gap(offset: int, following: Delivery) -> bool:
    """Says whether messages may be missing between an offset and what came next.

    One offset says nothing: the broker takes it for itself whenever it begins a new file. More may be its notes about
    readers that keep their places in the log, or messages that have expired.
    """
    return following.offset is not None and following.offset > offset + 2


def unbroken(deliveries: Iterable[Delivery]) -> Iterator[list[Delivery]]:
    """Yields a log's messages in runs, each of which begins behind a gap."""
    run: list[Delivery] = []
    for each in deliveries:
        if run and is_behind_a_gap(run[-1].offset or 0, each):
            yield run
            run = []
        run.append(each)
    if run:
        yield run
