"""Spans of messages, by OpenTelemetry's conventions for messaging. Pure.

`create` is a message being written: its context is the one that the message carries. `process` is a message being
applied. It is a child of the message's context, so that a trace goes on through all services, and linked to it as well,
because the transaction that it is applied in is one of many messages.
"""

from dataclasses import replace
from typing import Final

from infirmary.tracing.causation import Causation
from infirmary.tracing.spans import Span, Value, nanoseconds
from infirmary.transport.envelope import Incoming, Outgoing

_SYSTEM: Final = "rabbitmq"


def created(message: Outgoing, cause: Causation) -> Span:
    """Returns the span of a message that was written just now."""
    begun_ns = nanoseconds(message.created_at)
    return Span(
        f"create {message.target}",
        "producer",
        message.traceparent,
        cause.traceparent,
        cause.tracestate,
        attributes=_attributes("create", message.target, str(message.message_id), message.type, cause)
        | {"messaging.message.body.size": len(message.body)},
        begun_ns=begun_ns,
        ended_ns=begun_ns,
    )


def processing(message: Incoming, cause: Causation, log: str) -> tuple[Span, Causation]:
    """Returns the span of a message that is applied from now on, and the cause of all that is written meanwhile."""
    span = Span(
        f"process {log}",
        "consumer",
        cause.next_traceparent(),
        cause.traceparent,
        cause.tracestate,
        links=(cause.traceparent,),
        attributes=_attributes("process", log, str(message.message_id), message.type, cause),
    )
    return span, replace(cause, traceparent=span.traceparent)


def _attributes(operation: str, channel: str, message_id: str, message_type: str, cause: Causation) -> dict[str, Value]:
    return {
        "messaging.system": _SYSTEM,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": channel,
        "messaging.message.id": message_id,
        "messaging.message.conversation_id": cause.correlation_id,
        "infirmary.message.type": message_type,
        "infirmary.causation_id": cause.causation_id,
    }
