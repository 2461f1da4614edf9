"""Figures are judged by their median, in the direction in which they are good."""

import pytest

from benchmarks.presentation import cells
from benchmarks.report import page
from benchmarks.results import Results, at_least, at_most, number, percentile


def test_the_median_of_the_rounds_is_judged() -> None:
    results = Results("drain", "Drain")
    for rate, cpu_us in ((10, 9), (50, 11), (60, 30)):
        results.note("rate", rate, "messages/s", bar=at_least(42))
        results.note("processor", cpu_us, "us", bar=at_most(10))
    assert [(figure.middle, figure.verdict) for figure in results.figures] == [(50, "met"), (11, "MISSED")]


def test_the_page_shows_the_noise_beside_the_median() -> None:
    results = Results("drain", "Drain")
    for rate in (1000, 3000, 2000):
        results.note("frames alone", rate, "messages/s", kind="ceiling")
    (figure,) = results.as_json()["figures"]
    assert cells(figure) == ("frames alone (ceiling)", "messages/s", "1,000", "2,000", "3,000", "", "")
    machine = {"processor": "P", "cores": 2, "memory_gib": 24, "system": "Linux", "python": "3.11"}
    ran = {"at": "2026-01-01T00:00:00", "quick": True, "machine": machine, "load_before": 0.1, "load_after": 2.0}
    assert "| frames alone (ceiling) | messages/s | 1,000 | 2,000 | 3,000 |  |  |" in page([ran | results.as_json()])


@pytest.mark.parametrize(("value", "text"), [(42_000.4, "42,000"), (12.34, "12.3"), (0.456, "0.46")])
def test_numbers_have_no_more_digits_than_mean_something(value: float, text: str) -> None:
    assert number(value) == text


def test_a_percentile_is_one_of_the_values() -> None:
    values = list(range(1000))
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 0.999)) == (500, 990, 999)
