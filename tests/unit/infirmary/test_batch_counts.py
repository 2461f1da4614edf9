"""What the metrics and the log say of a batch."""

import logging
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from infirmary.consumer.batch_counts import BatchCounts
from infirmary.consumer.series import ConsumerSeries
from infirmary.handlers import Handlers
from infirmary.messages import Event, reads
from infirmary.transport.envelope import Incoming, MalformedMessage

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
IDENTITY = UUID("01990000-0000-7000-8000-000000000001")


@reads("rolledback")
class Told(Event):
    """What the service is told."""


@pytest.fixture(autouse=True)
def series() -> ConsumerSeries:
    """A service that handles one type, of two logs."""
    handlers = Handlers("countings")
    for source in ("rolledback", "committed"):
        handlers.events[(source, "Told")] = (Told, lambda *_: None)
    return ConsumerSeries(handlers)


def message(message_type: str = "Told", written: datetime | None = None) -> Incoming:
    return Incoming(
        message_id=IDENTITY,
        source="committed",
        type=message_type,
        subject="a",
        sequence=1,
        correlation_id="a request",
        traceparent=f"00-{TRACE}-00f067aa0ba902b7-01",
        tracestate=None,
        body=b"{}",
        time=None if written is None else written.isoformat(),
    )


def said(metric: str, channel: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"infirmary_{metric}", {"channel": channel, **labels})


def test_all_that_may_happen_is_there_from_the_start() -> None:
    for channel in ("committed.events", "rolledback.events"):
        for metric in ("messages_duplicate_total", "messages_early_total", "batches_rolled_back_total"):
            assert said(metric, channel) is not None, metric
        for metric in ("message_end_to_end_seconds_count", "batch_messages_count", "batch_seconds_count"):
            assert said(metric, channel) is not None, metric
        assert said("messages_parked_total", channel, type="other") is not None
    assert said("messages_parked_total", "committed.events", type="Told") is not None


def test_nothing_is_said_of_a_batch_that_may_still_be_rolled_back() -> None:
    counts = BatchCounts("rolledback.events")
    counts.applied(message())
    counts.held(ValueError("a bug"), message(), IDENTITY)
    assert said("messages_applied_total", "rolledback.events", type="Told") == 0
    assert said("messages_parked_total", "rolledback.events", type="Told") == 0


def test_each_message_of_a_batch_is_counted_as_what_became_of_it(series: ConsumerSeries) -> None:
    counts = BatchCounts("committed.events")
    for _ in range(2):
        counts.applied(message())
    counts.duplicate()
    counts.held(None, message(), IDENTITY)
    for kind in ("Told", "ChosenByAStranger"):
        counts.held(ValueError("a bug"), message(kind), IDENTITY)
    counts.held(MalformedMessage("rubbish"), None, IDENTITY)
    assert (counts.settled, counts.held_messages) == (3, 4)
    counts.tell(series.of("committed.events"))
    assert said("messages_applied_total", "committed.events", type="Told") == 2
    assert [said("messages_parked_total", "committed.events", type=each) for each in ("Told", "other")] == [1, 2]
    assert said("messages_parked_total", "committed.events", type="ChosenByAStranger") is None
    assert [said(f"messages_{each}_total", "committed.events") for each in ("duplicate", "early")] == [1, 1]


def test_the_time_from_a_commit_to_its_effect_is_that_since_the_message_was_written(series: ConsumerSeries) -> None:
    before = said("message_end_to_end_seconds_sum", "committed.events") or 0
    counts = BatchCounts("committed.events")
    counts.applied(message(written=datetime.now(UTC) - timedelta(seconds=40)))
    odds: list[object] = [None, 7, {}, "yesterday", "2026-11-26T01:00:00", "2026-11-26\x0001:00:00+26:00"]
    for odd in odds:
        counts.applied(replace(message(), time=odd))
    counts.applied(message(written=datetime.now(UTC) + timedelta(days=1)))
    counts.tell(series.of("committed.events"))
    assert (said("message_end_to_end_seconds_sum", "committed.events") or 0) - before == pytest.approx(40, abs=2)


def test_one_line_tells_of_a_parked_message_with_what_it_is_found_by_and_the_last_calls(
    series: ConsumerSeries, caplog: pytest.LogCaptureFixture
) -> None:
    counts = BatchCounts("committed.events")
    try:
        raise ValueError(f"a bug at {time.time()}")
    except ValueError as error:
        counts.held(error, message(), IDENTITY)
    with caplog.at_level(logging.ERROR):
        counts.tell(series.of("committed.events"))
    (line,) = caplog.records
    assert (line.channel, line.message_id, line.correlation_id, line.trace_id) == (  # type: ignore[attr-defined]
        *("committed.events", str(IDENTITY), "a request"),
        TRACE,
    )
    assert "in test_one_line_tells_of_a_parked_message" in line.traceback  # type: ignore[attr-defined]
    assert "ValueError: a bug" in line.getMessage()


def test_a_read_model_is_as_old_as_the_events_that_fill_it() -> None:
    handlers = Handlers("modelling", projection="model")
    handlers.events[("committed", "Told")] = (Told, lambda *_: None)
    series = ConsumerSeries(handlers)

    def stale(what: str) -> float | None:
        return REGISTRY.get_sample_value(f"infirmary_snapshot_staleness_seconds_{what}", {"snapshot": "model"})

    assert stale("count") == 0
    counts = BatchCounts("committed.events")
    counts.applied(message(written=datetime.now(UTC) - timedelta(seconds=40)))
    counts.tell(series.of("committed.events"))
    assert stale("count") == 1
    assert stale("sum") == pytest.approx(40, abs=2)
