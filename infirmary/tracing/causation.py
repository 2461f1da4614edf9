"""The causation of a request or a message: the ids that tie it, its messages and their consequences together."""

import re
from dataclasses import dataclass

from infirmary.identifiers import new_id
from infirmary.tracing.trace_context import child_of, traceparent_of, tracestate_of
from infirmary.tracing.tracer import NO_TRACER, Tracer

_CORRELATION_ID = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Causation:
    """What led to a transaction: correlation, the direct parent, the trace.

    Attributes:
        correlation_id: The same for a request and all that follows from it, through a whole saga.
        causation_id: The id of the message or request that is the direct parent.
        traceparent: W3C Trace Context of the parent, version 00.
        tracestate: What others have added to the trace, carried on as it came; empty for nothing.
    """

    correlation_id: str
    causation_id: str
    traceparent: str
    tracestate: str = ""

    def next_traceparent(self) -> str:
        """Returns the traceparent of a child: the same trace, a new span."""
        return child_of(self.traceparent)


def causation_of(
    correlation_id: str | None,
    causation_id: str | None,
    traceparent: str | None,
    tracestate: str | None = None,
    tracer: Tracer = NO_TRACER,
) -> Causation:
    """Returns the causation that a caller sent along; what is missing or malformed is made anew."""
    if not correlation_id or not _CORRELATION_ID.fullmatch(correlation_id):
        correlation_id = str(new_id())
        causation_id = causation_id or correlation_id
    taken = traceparent_of(traceparent)
    return Causation(
        correlation_id,
        causation_id or str(new_id()),
        taken or tracer.new_traceparent(),
        tracestate_of(tracestate) if taken else "",
    )
