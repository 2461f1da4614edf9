"""Why something happens: the ids that tie a request, its messages and their consequences together."""

import re
import secrets
from dataclasses import dataclass

from services.chassis.identifiers import new_id

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
_CORRELATION_ID = re.compile(r"^[\x21-\x7e]{1,128}$")


@dataclass(frozen=True, slots=True)
class Cause:
    """What led to the transaction at hand.

    Attributes:
        correlation_id: The same for a request and all that follows from it, through a whole saga.
        causation_id: The id of the message or request that is the direct parent.
        traceparent: W3C Trace Context of the parent, version 00.
    """

    correlation_id: str
    causation_id: str
    traceparent: str

    def next_traceparent(self) -> str:
        """Returns the traceparent of a child: the same trace, a new span."""
        return f"{self.traceparent[:36]}{secrets.token_hex(8)}-{self.traceparent[-2:]}"


def cause_of(correlation_id: str | None, causation_id: str | None, traceparent: str | None) -> Cause:
    """Returns a cause from what a caller sent along; what is missing or malformed is made anew."""
    own_id = str(new_id())
    return Cause(
        correlation_id=correlation_id if correlation_id and _CORRELATION_ID.match(correlation_id) else own_id,
        causation_id=causation_id or own_id,
        traceparent=traceparent if traceparent and _TRACEPARENT.match(traceparent) else new_traceparent(),
    )


def new_traceparent() -> str:
    """Returns the traceparent of a trace that starts here, not sampled by anybody yet."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
