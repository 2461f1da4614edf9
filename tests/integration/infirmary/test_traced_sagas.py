"""A saga's spans are its history: one for each transition, in its trace, with step, attempt and outcome."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from infirmary.postgres.transaction import Transaction, transaction
from infirmary.tracing.causation import causation_of
from infirmary.tracing.spans import Span
from infirmary_streams.received import received
from tests.integration.conftest import NewDatabase
from tests.integration.infirmary.test_saga_answers import Leading

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Traced(Leading):
    """The same in a sampled trace."""

    traceparent, tracestate = SAMPLED, "foo=1"

    @contextmanager
    def transaction(self, message_max_bytes: int = 10_000) -> Iterator[Transaction]:
        cause = causation_of(None, None, self.traceparent, self.tracestate)
        with transaction(self.database, "leading", cause, False, self.options(message_max_bytes)) as tx:
            yield tx


@pytest.fixture
def traced(new_database: NewDatabase) -> Iterator[Traced]:
    leading = Traced(new_database("prescription"))
    yield leading
    leading.close()


def of_saga(told: list[Span]) -> list[Span]:
    return [span for span in told if "infirmary.saga.id" in span.attributes]


def test_each_row_of_the_history_is_a_span_in_the_sagas_trace(traced: Traced) -> None:
    traced.start()
    traced.silence(2)
    traced.answered("bed", attempt=3)
    traced.answered("bed")  # once more, too late
    traced.answered("bill")
    told = traced.spans
    spans = of_saga(told)
    history = traced.database.execute("SELECT happened, status, sent FROM saga_history ORDER BY id").fetchall()
    assert history == [
        tuple(span.attributes[f"infirmary.saga.{name}"] for name in ("happened", "status", "sent")) for span in spans
    ]
    begins, *others = spans
    assert (begins.parent, begins.name) == (SAMPLED, "saga stay begins")
    assert {span.parent for span in others} == {begins.traceparent}
    assert [span.attributes.get("infirmary.saga.id") for span in spans] == [str(traced.saga_id)] * len(spans)
    assert [(span.name, *told_of(span)) for span in others] == [
        ("saga stay timer", "bed", 1, "timeout"),
        ("saga stay timer", "bed", 2, "timeout"),
        ("saga stay step bed", "bed", 3, "done"),
        ("saga stay step bed", "bed", 1, "done"),
        ("saga stay step bill", "bill", 1, "done"),
    ]
    assert [span.error for span in others] == ["timeout", "timeout", None, None, None]


def told_of(span: Span) -> tuple[object, ...]:
    return tuple(span.attributes[f"infirmary.saga.{name}"] for name in ("step", "attempt", "outcome"))


def test_a_step_lasts_from_when_it_was_asked_for_first(traced: Traced) -> None:
    traced.start()
    traced.silence(1)
    traced.answered("bed", attempt=2)
    told = traced.spans
    create, *_ = [span for span in told if span.kind == "producer"]
    step = of_saga(told)[-1]
    assert abs(step.begun_ns - create.begun_ns) < 1e9
    assert step.ended_ns > of_saga(told)[-2].ended_ns > step.begun_ns


def test_a_command_that_a_timer_sends_is_in_the_sagas_trace(traced: Traced) -> None:
    traced.start()
    traced.silence(1)
    told = traced.spans
    first, again = [span for span in told if span.kind == "producer"]
    assert first.parent == SAMPLED
    assert again.parent == of_saga(told)[0].traceparent
    assert again.traceparent[:36] == SAMPLED[:36]
    headers = [header for (header,) in traced.database.execute("SELECT header FROM outbox ORDER BY id")]
    assert {received(header).properties["application_headers"]["tracestate"] for header in headers} == {"foo=1"}


def test_of_a_compensation_the_step_is_named_as_it_is_asked_for(traced: Traced) -> None:
    traced.start()
    traced.silence(7)
    told = traced.spans
    assert told_of(of_saga(told)[-1]) == ("bed.compensation", 1, "timeout")


def test_of_a_saga_that_is_not_sampled_nothing_is_told(traced: Traced) -> None:
    traced.tracer = traced.spans.tracer(ratio=1.0)
    traced.traceparent = SAMPLED[:-2] + "00"
    traced.start()
    traced.silence(1)
    assert traced.spans == []
