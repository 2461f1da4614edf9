"""What is told of a reader in metrics and in the process's own log."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from infirmary.consumer.delivery import Delivery
from infirmary.identifiers import new_id
from tests.integration.consumer.counting import Counting
from tests.integration.consumer.messages import COMMANDS, LOG, Add, Faults

Growth = Callable[..., float]


def shown(metric: str, **labels: str) -> float:
    """Returns what a series says now."""
    value = REGISTRY.get_sample_value(f"infirmary_{metric}", labels)
    assert value is not None, (metric, labels)
    return value


def written(delivery: Delivery, ago_s: float) -> Delivery:
    """Returns a delivery of a message that was written so long ago."""
    headers = delivery.properties["application_headers"]
    at = (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat()
    return replace(delivery, properties=delivery.properties | {"application_headers": headers | {"time": at}})


@pytest.fixture
def growth() -> Growth:
    """By how much a series has grown since the test began."""
    before = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
    }

    def of(metric: str, **labels: str) -> float:
        return shown(metric, **labels) - before.get((f"infirmary_{metric}", tuple(sorted(labels.items()))), 0.0)

    return of


def test_what_is_held_shows_by_state_with_the_oldest_and_each_type_that_is_parked(
    counting: Counting, faults: Faults, growth: Growth, caplog: pytest.LogCaptureFixture
) -> None:
    faults.breaks("a")
    with caplog.at_level(logging.ERROR):
        counting.read(counting.told("a", 1), counting.told("a", 2), counting.rubbish())
    held = {state: shown("messages_held", channel=LOG, state=state) for state in ("parked", "waiting")}
    assert held == {"parked": 2, "waiting": 1}
    for state in held:
        oldest = shown("held_oldest_timestamp_seconds", channel=LOG, state=state)
        assert time.time() - 60 < oldest <= time.time() + 5
    parked = [growth("messages_parked_total", channel=LOG, type=kind) for kind in ("Told", "other")]
    assert parked == [1, 1]
    (line,) = [
        vars(record)
        for record in caplog.records
        if "Unlucky: a" in record.getMessage() and "is parked" in record.getMessage()
    ]
    assert "in note" in line["traceback"]
    assert line["channel"] == LOG


def test_the_time_to_the_effect_is_told_for_events_and_commands_and_for_what_was_parked(
    counting: Counting, faults: Faults, growth: Growth
) -> None:
    faults.breaks("b")
    counting.read(written(counting.told("a", 1), 40), written(counting.told("b", 1), 500))
    assert growth("message_end_to_end_seconds_count", channel=LOG) == 1
    assert growth("message_end_to_end_seconds_sum", channel=LOG) == pytest.approx(40, abs=20)
    faults.broken.clear()
    counting.make_due()
    assert counting.retry(LOG) == 1
    assert growth("message_end_to_end_seconds_sum", channel=LOG) == pytest.approx(540, abs=60)
    assert shown("messages_held", channel=LOG, state="parked") == 0
    assert shown("held_oldest_timestamp_seconds", channel=LOG, state="parked") == 0
    counting.take(*(written(counting.asked(Add, new_id(), 1), 7) for _ in range(2)))
    assert growth("message_end_to_end_seconds_count", channel=COMMANDS) == 2


def test_a_batch_shows_its_messages_its_time_and_that_it_was_rolled_back(
    counting: Counting, faults: Faults, growth: Growth
) -> None:
    counting.read(counting.told("a", 1), counting.told("a", 2))
    assert growth("batch_messages_sum", channel=LOG) == 2
    assert growth("batch_seconds_count", channel=LOG) == 1
    faults.broken["a"] = counting.passing_error()
    with pytest.raises(type(faults.broken["a"])):
        counting.read(counting.told("a", 3))
    assert growth("batches_rolled_back_total", channel=LOG) == 1
    assert growth("batch_messages_sum", channel=LOG) == 2


def test_duplicates_and_early_ones_are_counted(counting: Counting, growth: Growth) -> None:
    first = counting.told("a", 1)
    counting.read(first, first, counting.told("a", 3))
    assert growth("messages_duplicate_total", channel=LOG) == 1
    assert growth("messages_early_total", channel=LOG) == 1
    assert growth("messages_applied_total", channel=LOG, type="Told") == 1
