"""Spans of sampled traces: what was done, when and in which trace; handed on when it is certain that it was done.

Whoever has something to tell asks `Tracer.wants` first, with a traceparent: without an exporter, or in a trace that
is not sampled, nothing is made. What a transaction has done waits in it until its commit: one that is rolled back
tells nothing.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Kind = Literal["server", "producer", "consumer", "internal"]
Value = str | int | float | bool


@dataclass(slots=True)
class Span:
    """A piece of work in a trace.

    Attributes:
        name: What was done, and to what; one of few.
        kind: As OpenTelemetry has it.
        traceparent: Its own context, which those have as their parent that follow from it.
        parent: The context that it follows from; None at the beginning of a trace.
        tracestate: What others have added to the trace.
        links: Contexts that it has to do with besides.
        attributes: By OpenTelemetry's conventions, or with `infirmary.` in front.
        begun_ns: When it began, in nanoseconds since 1970.
        ended_ns: When it ended; 0 when that is the commit of its transaction.
        error: What kind of error it has ended with.
    """

    name: str
    kind: Kind
    traceparent: str
    parent: str | None = None
    tracestate: str = ""
    links: Sequence[str] = ()
    attributes: Mapping[str, Value] = field(default_factory=dict)
    begun_ns: int = field(default_factory=time.time_ns)
    ended_ns: int = 0
    error: str | None = None


def nanoseconds(at: datetime) -> int:
    """Returns a moment as spans have it, exact to the microsecond."""
    return int(at.timestamp() * 1e6) * 1000


def note_failure(spans: Sequence[Span], error: BaseException) -> None:
    """Notes what the message in hand has failed with, if its processing is told at all."""
    for span in reversed(spans):
        if span.kind == "consumer":
            span.error = type(error).__name__
            return


def undo_to(spans: list[Span], mark: int) -> None:
    """Forgets what was done since there were so many, except that something has failed."""
    spans[mark:] = [span for span in spans[mark:] if span.error is not None]
