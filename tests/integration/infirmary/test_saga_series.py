"""What is told of sagas: how many, how far, since when, how long they take and why a step is asked for again."""

import logging
import time
from uuid import UUID

import pytest
from prometheus_client import REGISTRY

from infirmary.identifiers import new_id
from infirmary.messages import Reply, encode
from infirmary.postgres.sagas.watch import SagaWatch
from infirmary.postgres.transaction import Query, transaction
from infirmary.tracing.causation import causation_of
from infirmary_streams.received import received
from tests.integration.infirmary.test_saga_answers import Leading, Stay, leading

__all__ = ["leading"]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def told(metric: str, **labels: str) -> float:
    value = REGISTRY.get_sample_value(f"infirmary_{metric}", {"saga": "stay", **labels})
    assert value is not None, (metric, labels)
    return value


class Growth:
    """By how much counters have grown since now."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for metric in REGISTRY.collect()
            for sample in metric.samples
        }

    def of(self, metric: str, **labels: str) -> float:
        key = (f"infirmary_{metric}", tuple(sorted({"saga": "stay", **labels}.items())))
        return told(metric, **labels) - self._before[key]


def look(leading: Leading) -> dict[str, float]:
    """Returns how many sagas are in each status, as a consumer shows it now."""
    SagaWatch(Query(leading.database), [leading.saga]).look()
    return {status: told("sagas", status=status) for status in ("running", "compensating", "completed", "failed")}


def start(leading: Leading, correlation_id: str) -> UUID:
    leading.saga_id = new_id()
    cause = causation_of(correlation_id, "the request", f"00-{TRACE}-00f067aa0ba902b7-01")
    with transaction(leading.database, "leading", cause, False) as tx:
        leading.orchestrator.start(tx, leading.saga, leading.saga_id, Stay(nights=2))
    return leading.saga_id


def refused(leading: Leading, step: str) -> None:
    reply = Reply(saga_id=leading.saga_id, step=step, attempt=1, outcome="refused", reason="no bed")
    leading.replied(encode(reply), "ward" if step.startswith("bed") else "billing")


def test_a_saga_that_is_completed_is_counted_with_its_steps_and_its_time(leading: Leading) -> None:
    grown = Growth()
    began = time.time()
    start(leading, "a request")
    assert look(leading) == {"running": 1, "compensating": 0, "completed": 0, "failed": 0}
    assert began - 5 < told("saga_oldest_timestamp_seconds", status="running") < time.time() + 5
    leading.answered("bed")
    leading.answered("bill")
    assert look(leading) == {"running": 0, "compensating": 0, "completed": 1, "failed": 0}
    assert told("saga_oldest_timestamp_seconds", status="running") == 0
    assert grown.of("sagas_started_total") == grown.of("sagas_ended_total", outcome="completed") == 1
    assert grown.of("saga_duration_seconds_count", outcome="completed") == 1
    for step in ("bed", "bill"):
        assert grown.of("saga_step_attempts_total", step=step, cause="first") == 1
        assert grown.of("saga_step_seconds_count", step=step) == 1


def test_each_attempt_is_counted_by_its_cause(leading: Leading) -> None:
    grown = Growth()
    start(leading, "a request")
    leading.silence(2)
    leading.answered("bed", attempt=3)
    refused(leading, "bill")
    assert look(leading)["compensating"] == 1
    leading.silence(1)
    leading.answered("bed.compensation", attempt=2)
    assert look(leading)["failed"] == 1
    attempts = [
        (step, cause, grown.of("saga_step_attempts_total", step=step, cause=cause))
        for step in ("bed", "bed.compensation")
        for cause in ("first", "timeout", "refusal")
    ]
    assert [each for each in attempts if each[2]] == [
        ("bed", "first", 1),
        ("bed", "timeout", 2),
        ("bed.compensation", "timeout", 1),
        ("bed.compensation", "refusal", 1),
    ]
    assert grown.of("saga_timeouts_total", step="bed") == 2
    assert grown.of("sagas_ended_total", outcome="failed") == 1


def test_a_parked_saga_shows_with_its_beginning_and_an_operators_attempt_as_one(leading: Leading) -> None:
    start(leading, "a request")
    leading.database.execute("UPDATE saga SET data = data - 'nights'")
    leading.answered("bed")
    look(leading)
    assert told("sagas", status="parked") == 1
    assert time.time() - 60 < told("saga_oldest_timestamp_seconds", status="parked") < time.time() + 5
    leading.database.execute("""UPDATE saga SET data = data || '{"nights": 2}'""")
    grown = Growth()
    with leading.transaction() as tx:
        leading.orchestrator.resume(tx, leading.saga_id)
    assert grown.of("saga_step_attempts_total", step="bill", cause="operator") == 1


def test_a_transition_is_one_line_with_what_it_is_found_by(leading: Leading, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="infirmary.saga.told"):
        saga_id = start(leading, "a-request-of-mine")
        leading.answered("bed")
        leading.answered("bed")  # it comes again, and changes nothing
    lines = [vars(record) for record in caplog.records if record.name == "infirmary.saga.told"]
    assert [(line["from"], line["to"], line["step"], line["attempt"]) for line in lines] == [
        ("nothing", "running", "bed", 1),
        ("running", "running", "bill", 1),
    ]
    assert {line["correlation_id"] for line in lines} == {"a-request-of-mine"}
    assert {(line["saga"], line["saga_id"], line["trace_id"]) for line in lines} == {("stay", str(saga_id), TRACE)}


def test_nothing_is_told_of_a_transition_that_is_not_committed(
    leading: Leading, caplog: pytest.LogCaptureFixture
) -> None:
    grown = Growth()
    leading.broken = True
    with caplog.at_level(logging.INFO, logger="infirmary.saga.told"):
        start(leading, "a request")
        leading.answered("bed")
        leading.answered("bill")
    assert grown.of("sagas_ended_total", outcome="completed") == 0
    assert [vars(record)["to"] for record in caplog.records if record.name.endswith("told")] == ["running", "running"]


def test_what_a_timer_causes_goes_back_to_the_message_or_request_before_it(leading: Leading) -> None:
    start(leading, "a request")
    leading.silence(1)
    leading.answered("bed", attempt=2)
    leading.silence(1)
    headers = [received(header) for (header,) in leading.database.execute("SELECT header FROM outbox ORDER BY id")]
    causes = [header.properties["application_headers"]["causation_id"] for header in headers]
    assert [cause == "the request" for cause in causes] == [True, True, False, False]
    assert causes[2] == causes[3], "the timer's command goes back to the reply"


def test_of_many_sagas_that_have_ended_about_as_many_are_shown(leading: Leading) -> None:
    start(leading, "a request")
    leading.answered("bed")
    leading.answered("bill")
    leading.database.execute(
        """INSERT INTO saga (saga_id, name, status, state, data, correlation_id, traceparent)
           SELECT gen_random_uuid(), name, CASE WHEN n % 4 = 0 THEN 'failed' ELSE status END, state, data,
                  correlation_id, traceparent
           FROM saga, generate_series(1, 40000) AS n"""
    )
    leading.database.execute("ANALYZE saga")
    counted = look(leading)
    assert counted["completed"] == pytest.approx(30_000, rel=0.05)
    assert counted["failed"] == pytest.approx(10_000, rel=0.05)
