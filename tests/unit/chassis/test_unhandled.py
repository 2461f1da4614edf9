"""Types that nobody here handles are told by name once, and cannot make any number of series."""

import logging

import pytest
from prometheus_client import REGISTRY

from services.chassis.consumer import unhandled


def passed(log_name: str, kind: str) -> float | None:
    return REGISTRY.get_sample_value("infirmary_messages_unhandled_total", {"channel": log_name, "type": kind})


def test_a_type_is_told_by_name_once_and_counted_each_time(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        unhandled.passed("first.events", "PatientLeft", 2)
        unhandled.passed("first.events", "PatientLeft", 3)
    assert passed("first.events", "PatientLeft") == 5
    assert [record.getMessage().count("PatientLeft") for record in caplog.records] == [1]


def test_any_number_of_types_is_a_bounded_number_of_series() -> None:
    for number in range(200):
        unhandled.passed("second.events", f"Type{number}", 1)
        unhandled.passed("second.events", f"not a name {number}\n", 1)
    series = [
        sample
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "infirmary_messages_unhandled_total" and sample.labels["channel"] == "second.events"
    ]
    assert len(series) <= unhandled.MOST_TYPES + 1
    assert sum(sample.value for sample in series) == 400
