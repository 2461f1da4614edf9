"""The `send` span of a window: what was published together, linked to the sampled messages among it.

By OpenTelemetry's conventions for messaging. Each message carries the context of its writing in its header, and the
relay copies that as it is; what it does itself is told in a span beside it, at most one for a window. Where all sampled
messages of a window are of one trace the span is in that trace, else it begins one of its own: it is nobody's child.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.headers.content_header import are_sections
from infirmary_relay.message import HEADER, TARGET, Row
from infirmary_relay.window import Receipts

MOST_LINKS: Final = 128
_IN_SECTIONS: Final = b"\xa1\x0btraceparent\xa1\x37"
_IN_TABLE: Final = b"\x0btraceparentS\x00\x00\x00\x37"
"""How the field begins in AMQP 1.0, as a string's key and value, and in a table of AMQP 0-9-1: key, type, length."""
_LAST_DIGIT: Final = 54
"""Where in its value the last digit of the flags is; as a character it is odd where the trace is sampled."""
_SAMPLED: Final = re.compile(rb"(00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-)[0-9a-f][13579]")


class Send(NamedTuple):
    """A span of the relay's.

    Attributes:
        name: What was done.
        traceparent: Its own context.
        parent: The context that it follows from; None where it begins a trace.
        links: The contexts of the sampled messages that were sent, or the first of them.
        attributes: By OpenTelemetry's conventions.
        begun_ns: When the window was published, in nanoseconds since 1970.
        ended_ns: When all of it was settled.
        error: What has become of it that should not have.
    """

    name: str
    traceparent: str
    parent: str | None
    links: Sequence[str]
    attributes: dict[str, str | int]
    begun_ns: int
    ended_ns: int
    error: str | None


class Sends:
    """Tells of windows in which there are sampled messages."""

    def __init__(self, take: Callable[[Send], None], address: BrokerAddress) -> None:
        """Takes who takes the spans, and which broker it is."""
        self._take, self._address = take, address

    def settled(self, rows: Sequence[Row], receipts: Receipts, published_at: float) -> None:
        """Tells of a window that was published at a time of the monotonic clock, and of which all is known now."""
        links = sampled(rows)
        if not links:
            return
        now = time.time_ns()
        begun_ns = now - int((time.monotonic() - published_at) * 1e9)
        targets = {row[TARGET] for row in rows}
        attributes: dict[str, str | int] = {
            "messaging.system": "rabbitmq",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.batch.message_count": len(rows),
            "server.address": self._address.host,
            "server.port": self._address.port,
        }
        name = "send"
        if len(targets) == 1:
            attributes["messaging.destination.name"] = name = targets.pop()
            name = f"send {name}"
        parent = _common_parent(links)
        error = "returned" if receipts.returned else "refused" if receipts.refused else None
        self._take(Send(name, _child_or_new(parent), parent, links, attributes, begun_ns, now, error))


def sampled(rows: Iterable[Row]) -> list[str]:
    """The contexts of the messages whose traces are sampled, of so many at the most as a span is linked to.

    In headers of one length the field is nearly always at one place: to search each header would cost several
    hundredths of what it takes to send a message.
    """
    found: list[str] = []
    places: dict[int, int] = {}
    for row in rows:
        header = row[HEADER]
        key = _IN_SECTIONS if are_sections(header) else _IN_TABLE
        at = places.get(len(header), -1)
        if header[at : at + len(key)] != key:
            places[len(header)] = at = header.find(key, 0, max(0, len(header) - _LAST_DIGIT - 1))
        begin = at + len(key)
        if at >= 0 and header[begin + _LAST_DIGIT] & 1 and (context := _SAMPLED.match(header, begin)):
            found.append(f"{context[1].decode()}01")
            if len(found) == MOST_LINKS:
                break
    return found


def _common_parent(links: Sequence[str]) -> str | None:
    return links[0] if len({link[3:35] for link in links}) == 1 else None


def _child_or_new(parent: str | None) -> str:
    trace = os.urandom(16).hex() if parent is None else parent[3:35]
    return f"00-{trace}-{os.urandom(8).hex()}-01"
