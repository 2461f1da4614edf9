"""Spans of sagas: one for each transition, as `saga_history` has one row for each. Pure.

The first is the saga's beginning, whose context the saga keeps: all others are its children. A step's span reaches from
when the step was asked for first to the reply, or to the moment when nobody had answered for too long.
"""

from typing import Final

from services.chassis.cause import Cause
from services.chassis.messages import COMPENSATION_SUFFIX
from services.chassis.saga.advance import Advance, Happened, Replied, SagaState, Started, TimedOut
from services.chassis.saga.saga_rows import SagaRow
from services.chassis.spans import Span, Value
from services.chassis.trace_context import child_of

_MICROSECONDS: Final = 1e6


def transition(row: SagaRow, happened: Happened, after: Advance, sent: str, cause: Cause) -> Span:
    """Returns the span of what has just happened to a saga.

    Args:
        row: The saga as it was before.
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
    before = SagaState.model_validate(row.state)
    span = Span(_name(row.name, happened), "internal", child_of(row.traceparent), row.traceparent)
    span.links = (cause.traceparent,) if cause.traceparent != row.traceparent else ()
    span.attributes = {**attributes, **_step(before, happened)}
    if before.hand_since is not None and (isinstance(happened, TimedOut) or _is_of_step_in_hand(before, happened)):
        span.begun_ns = int(before.hand_since.timestamp() * _MICROSECONDS) * 1000
    if isinstance(happened, TimedOut):
        span.error = "timeout"
    return span


def _name(saga: str, happened: Happened) -> str:
    if isinstance(happened, Replied):
        return f"saga {saga} step {happened.step}"
    return f"saga {saga} timer" if isinstance(happened, TimedOut) else f"saga {saga} resumed"


def _step(before: SagaState, happened: Happened) -> dict[str, Value]:
    if isinstance(happened, Replied):
        step, outcome = happened.step, str(happened.outcome)
    else:
        step, outcome = _in_hand(before), "timeout" if isinstance(happened, TimedOut) else "resumed"
    return {
        "infirmary.saga.step": step,
        "infirmary.saga.attempt": before.attempt,
        "infirmary.saga.outcome": outcome,
    }


def _is_of_step_in_hand(before: SagaState, happened: Happened) -> bool:
    return isinstance(happened, Replied) and happened.step == _in_hand(before)


def _in_hand(state: SagaState) -> str:
    return f"{state.steps[state.hand].name}{COMPENSATION_SUFFIX if state.undoing else ''}"
