"""What is told of messages in sampled traces: that they were written and applied, once that is certain."""

from dataclasses import replace

import pytest

from infirmary.consumer.delivery import Delivery
from infirmary.identifiers import new_id
from infirmary.postgres.transaction import transaction
from infirmary.tracing.causation import causation_of
from infirmary.tracing.spans import Span
from infirmary.transport.write_options import WriteOptions
from tests.integration.infirmary.conftest import Counting
from tests.integration.infirmary.messages import COMMANDS, LOG, Add, Counted, Faults

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED, UNSAMPLED = f"00-{TRACE}-00f067aa0ba902b7-01", f"00-{TRACE}-00f067aa0ba902b7-00"


@pytest.fixture
def told(counting: Counting) -> list[Span]:
    """The spans that the service has told."""
    return counting.spans


def traced(delivery: Delivery, traceparent: str = SAMPLED) -> Delivery:
    """Returns the delivery as it would be with the context of its writing."""
    headers = delivery.properties["application_headers"] | {"traceparent": traceparent, "tracestate": "foo=1"}
    return replace(delivery, properties=delivery.properties | {"application_headers": headers})


def written(counting: Counting) -> list[bytes]:
    """Returns the headers of what is in the outbox."""
    return [header for (header,) in counting.rows("SELECT header FROM outbox ORDER BY id")]


def test_a_sampled_message_is_processed_in_its_trace_and_what_it_leads_to_is_its_child(
    counting: Counting, told: list[Span]
) -> None:
    counting.read(traced(counting.told("a", 1)))
    process, create = told
    assert (process.kind, process.name, process.parent, process.links) == (
        "consumer",
        "process ward.events",
        SAMPLED,
        (SAMPLED,),
    )
    assert (create.kind, create.name, create.parent) == ("producer", "create counting.events", process.traceparent)
    assert {process.traceparent[3:35], create.traceparent[3:35]} == {TRACE}
    assert process.error is None
    assert process.begun_ns <= process.ended_ns
    [header] = written(counting)
    assert create.traceparent.encode() in header, "its context is what travels"
    assert b"foo=1" in header


def test_of_a_message_that_is_not_sampled_nothing_is_told(counting: Counting, told: list[Span]) -> None:
    counting.read(traced(counting.told("a", 1), UNSAMPLED), counting.told("b", 1))
    assert counting.numbers("a") == [1]
    assert told == []


def test_a_message_that_comes_twice_is_processed_once(counting: Counting, told: list[Span]) -> None:
    delivery = traced(counting.told("a", 1))
    counting.read(delivery)
    counting.read(replace(delivery, offset=7))
    assert [span.kind for span in told] == ["consumer", "producer"]


def test_of_a_message_that_fails_it_is_told_that_it_failed_and_nothing_of_what_it_would_have_written(
    counting: Counting, faults: Faults, told: list[Span]
) -> None:
    faults.broken.add("b")
    counting.read(traced(counting.told("a", 1)), traced(counting.told("b", 1)), traced(counting.told("c", 1)))
    assert [(span.kind, span.error) for span in told] == [
        ("consumer", None),
        ("producer", None),
        ("consumer", "Unlucky"),
        ("consumer", None),
        ("producer", None),
    ]
    told.clear()
    faults.broken.clear()
    counting.retry_now(LOG)
    assert [(span.kind, span.error) for span in told] == [("consumer", None), ("producer", None)]


def test_a_malformed_body_is_a_failure_too(counting: Counting, told: list[Span]) -> None:
    delivery = counting.told("a", 1)
    counting.read(traced(replace(delivery, body=b"{}")))
    assert [(span.kind, span.error) for span in told] == [("consumer", "MalformedMessage")]


def test_a_command_and_its_reply_are_told(counting: Counting, faults: Faults, told: list[Span]) -> None:
    saga_id = new_id()
    counting.take(traced(counting.asked(Add, saga_id, 5)))
    assert [span.name for span in told] == [f"process {COMMANDS}", "create counting.to.admission"]
    assert told[1].parent == told[0].traceparent


def publish(counting: Counting, told: list[Span], *, fails: bool) -> None:
    """Publishes an event in a transaction, of which nothing is told before its end."""
    options = WriteOptions(tracer=counting.spans.tracer())
    with transaction(counting.database, "counting", causation_of(None, None, SAMPLED), options=options) as tx:
        tx.publish(Counted(counter="a", number=1))
        assert told == []
        if fails:
            raise ZeroDivisionError


def test_a_transaction_that_is_rolled_back_tells_nothing(counting: Counting, told: list[Span]) -> None:
    with pytest.raises(ZeroDivisionError):
        publish(counting, told, fails=True)
    assert told == []
    publish(counting, told, fails=False)
    assert [span.name for span in told] == ["create counting.events"]
