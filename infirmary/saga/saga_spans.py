"""Spans of sagas: one for each transition, as `saga_history` has one row for each. Pure.

The first is the saga's beginning, whose context the saga keeps: all others are its children. A step's span reaches from
when the step was asked for first to the reply, or to the moment when nobody had answered for too long.
"""

from infirmary.saga.advance import Advance, Happened, Replied, Started, TimedOut
from infirmary.saga.row import SagaRow
from infirmary.saga.state import SagaState
from infirmary.tracing.causation import Causation
from infirmary.tracing.spans import Span, Value, nanoseconds
from infirmary.tracing.trace_context import child_of


def transition(
    row: SagaRow, before: SagaState, happened: Happened, after: Advance, sent: str, cause: Causation
) -> Span:
    """Returns the span of what has just happened to a saga.

    Args:
        row: The saga.
        before: How far it was.
        happened: What has happened.
        after: What follows from it.
        sent: What was sent because of it, in words.
        cause: What has led to it.
    """
    attributes: dict[str, Value] = {
        "infirmary.saga.id": str(row.saga_id),
        "infirmary.saga.name": row.name,
        "infirmary.saga.happened": str(happened),
        "infirmary.saga.status": after.state.status,
        "infirmary.saga.sent": sent,
        "infirmary.correlation_id": row.correlation_id,
    }
    if isinstance(happened, Started):
        return Span(f"saga {row.name} begins", "internal", row.traceparent, cause.traceparent, attributes=attributes)
    current = before.asked_for()
    span = Span(_name(row.name, happened), "internal", child_of(row.traceparent), row.traceparent)
    span.links = (cause.traceparent,) if cause.traceparent != row.traceparent else ()
    span.attributes = {**attributes, **_step(current, before, happened)}
    if before.current_since is not None and (isinstance(happened, TimedOut) or _answers(happened, current)):
        span.begun_ns = nanoseconds(before.current_since)
    if isinstance(happened, TimedOut):
        span.error = "timeout"
    return span


def _name(saga: str, happened: Happened) -> str:
    if isinstance(happened, Replied):
        return f"saga {saga} step {happened.step}"
    return f"saga {saga} timer" if isinstance(happened, TimedOut) else f"saga {saga} resumed"


def _step(current: str, before: SagaState, happened: Happened) -> dict[str, Value]:
    if isinstance(happened, Replied):
        step, outcome = happened.step, str(happened.outcome)
    else:
        step, outcome = current, "timeout" if isinstance(happened, TimedOut) else "resumed"
    return {
        "infirmary.saga.step": step,
        "infirmary.saga.attempt": before.attempt,
        "infirmary.saga.outcome": outcome,
    }


def _answers(happened: Happened, step: str) -> bool:
    return isinstance(happened, Replied) and happened.step == step
