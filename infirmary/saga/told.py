"""The log lines and metrics of a saga's transitions, once they are committed."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol, get_args
from uuid import UUID

from prometheus_client import Counter, Histogram

from infirmary.observing.json_logging import trace_id_of
from infirmary.saga.advance import Advance, Happened, Replied, Resumed, Started, TimedOut
from infirmary.saga.definition import Saga
from infirmary.saga.row import SagaRow
from infirmary.saga.state import SagaState

_logger = logging.getLogger(__name__)

Outcome = Literal["completed", "failed"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
Cause = Literal["first", "timeout", "refusal", "operator"]
CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)

STARTED = Counter(
    "infirmary_sagas_started_total",
    "How many sagas begin? Sagas started, counted by the process that does, which is mostly the API.",
    ["saga"],
)
ENDED = Counter(
    "infirmary_sagas_ended_total",
    "How do sagas end? Sagas that were completed, or that failed and are undone.",
    ["saga", "outcome"],
)
DURATION = Histogram(
    "infirmary_saga_duration_seconds",
    "How long does a saga take? Seconds from its start to its end.",
    ["saga", "outcome"],
    buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 3600.0, 21600.0, 86400.0),
)
ATTEMPTS = Counter(
    "infirmary_saga_step_attempts_total",
    "Why are sagas' steps asked for? Commands sent: in the saga's course (`first`), because nobody has answered"
    " (`timeout`), to undo it because somebody refused (`refusal`), or because an operator let it go on (`operator`).",
    ["saga", "step", "cause"],
)
STEP_SECONDS = Histogram(
    "infirmary_saga_step_seconds",
    "How long does a participant take? Seconds from the first request for a step to the answer, retries included.",
    ["saga", "step"],
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
)
TIMEOUTS = Counter(
    "infirmary_saga_timeouts_total",
    "Which participant is silent? Steps taken up because nobody has answered.",
    ["saga", "step"],
)


def expect_sagas(sagas: Iterable[Saga[Any]]) -> None:
    """Shows nought for all that may happen to the sagas of a service."""
    for saga in sagas:
        STARTED.labels(saga.name)
        for outcome in OUTCOMES:
            ENDED.labels(saga.name, outcome)
            DURATION.labels(saga.name, outcome)
        for step in (step for version in saga.versions() for step in version.steps):
            for name in (step.asked_as(undo) for undo in ((False, True) if step.compensation else (False,))):
                STEP_SECONDS.labels(saga.name, name)
                TIMEOUTS.labels(saga.name, name)
                for cause in CAUSES:
                    ATTEMPTS.labels(saga.name, name, cause)


def cause_of(happened: Happened) -> Cause:
    """Returns why a step is asked for after what happened."""
    match happened:
        case TimedOut():
            return "timeout"
        case Resumed():
            return "operator"
        case Replied(outcome="refused"):
            return "refusal"
    return "first"


class Transaction(Protocol):
    """What is committed or not.

    Attributes:
        after_commit: What is told to others once it is.
    """

    after_commit: list[Callable[[], None]]


def tell_later(tx: Transaction, row: SagaRow, before: SagaState, happened: Happened, after: Advance) -> None:
    """Tells of a transition once it is committed, and never of one that is not."""
    found_by = (row.correlation_id, row.traceparent)
    transition = Transition(row.name, row.saga_id, before, happened, after, row.started_at, row.now, *found_by)
    tx.after_commit.append(transition.tell)


@dataclass(frozen=True, slots=True)
class Transition:
    """What has become of a saga.

    Attributes:
        saga: Its name.
        saga_id: The saga.
        before: How far it was.
        happened: What was new.
        after: What has followed.
        started_at: When it began.
        now: When all this was, by the same clock.
        correlation_id: What it is found by.
        traceparent: The trace of what started it.
    """

    saga: str
    saga_id: UUID
    before: SagaState
    happened: Happened
    after: Advance
    started_at: datetime
    now: datetime
    correlation_id: str
    traceparent: str

    def tell(self) -> None:
        """Counts it, and writes one line; to be called after the commit."""
        name = self.saga
        if isinstance(self.happened, Started):
            STARTED.labels(name).inc()
        elif isinstance(self.happened, TimedOut):
            TIMEOUTS.labels(name, self.before.asked_for()).inc()
        elif isinstance(self.happened, Replied) and self.before.current_since is not None:
            STEP_SECONDS.labels(name, self.before.asked_for()).observe(self._seconds_since(self.before.current_since))
        if self.after.ask is not None:
            ATTEMPTS.labels(name, self.after.state.asked_for(), cause_of(self.happened)).inc()
        if (outcome := self.after.state.status) in OUTCOMES:
            ENDED.labels(name, outcome).inc()
            DURATION.labels(name, outcome).observe(self._seconds_since(self.started_at))
        self._write_line()

    def _write_line(self) -> None:
        state, is_start = self.after.state, isinstance(self.happened, Started)
        was = "nothing" if is_start else self.before.status
        found_by = {
            "saga": self.saga,
            "saga_id": str(self.saga_id),
            "from": was,
            "to": state.status,
            "step": state.asked_for(),
            "attempt": state.attempt,
            "correlation_id": self.correlation_id,
            "trace_id": trace_id_of(self.traceparent),
        }
        level = logging.WARNING if state.status == "parked" else logging.INFO
        because = f": {state.reason}" if state.reason else ""
        sentence = "saga %s %s: %s, from %s to %s, step %s, attempt %d%s"
        words = (self.saga, self.saga_id, self.happened, was, state.status, state.asked_for(), state.attempt)
        _logger.log(level, sentence, *words, because, extra=found_by)

    def _seconds_since(self, then: datetime) -> float:
        return max((self.now - then).total_seconds(), 0.0)
