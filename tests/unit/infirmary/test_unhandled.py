"""Types that nobody here handles are told by name once, and make no series unless their publisher declares them."""

import logging

import pytest
from prometheus_client import REGISTRY

from infirmary.consumer import unhandled
from infirmary.consumer.series import ChannelSeries, ConsumerSeries
from infirmary.handlers import Handlers


def series_of(channel: str) -> ChannelSeries:
    return ConsumerSeries(Handlers("counting")).of(channel)


def passed(log_name: str, kind: str) -> float | None:
    return REGISTRY.get_sample_value("infirmary_messages_unhandled_total", {"channel": log_name, "type": kind})


def test_a_type_is_told_by_name_once_and_counted_each_time(caplog: pytest.LogCaptureFixture) -> None:
    series = series_of("first.events")
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            unhandled.passed(series, "PatientLeft", 2)
    assert passed("first.events", "other") == 4
    assert [record.getMessage().count("PatientLeft") for record in caplog.records] == [1]


def test_a_type_that_the_logs_publisher_declares_is_counted_by_its_name() -> None:
    series = series_of("inventory.events.3")
    unhandled.passed(series, "StockLow", 2)
    assert passed("inventory.events.3", "StockLow") == 2
    assert passed("inventory.events.3", "other") == 0


def test_what_somebody_chooses_to_send_makes_no_series(caplog: pytest.LogCaptureFixture) -> None:
    series = series_of("second.events")
    for number in range(200):
        unhandled.passed(series, f"Type{number}", 1)
        unhandled.passed(series, f"not a name {number}\n", 1)
    samples = [
        sample
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "infirmary_messages_unhandled_total" and sample.labels["channel"] == "second.events"
    ]
    assert {sample.labels["type"]: sample.value for sample in samples} == {"other": 400}
    assert len(caplog.records) <= unhandled.MOST_TYPES
