"""docs/metrics.md is what the code registers, and each metric has its question, its unit and a name by the rules."""

import re

import pytest

from scripts.metrics_page import HELP, PAGE, page, registered, unit_of
from scripts.registered import Metric

FOUND = registered()
ALL = [pytest.param(metric, id=f"{process}-{metric.name}") for process, metrics in FOUND.items() for metric in metrics]
OF_THE_SCRAPE = {"service", "role", "pod", "namespace", "job", "instance", "le", "quantile"}
NO_BASE_UNIT = ("_ms", "_milliseconds", "_minutes", "_hours", "_days", "_kilobytes", "_mb", "_percent")

each_metric = pytest.mark.parametrize("metric", ALL)


def test_the_page_is_what_the_code_registers() -> None:
    assert PAGE.read_text() == page(FOUND), "run `make metrics`"


@each_metric
def test_a_metric_says_which_question_it_answers(metric: Metric) -> None:
    said = HELP.fullmatch(metric.help)
    assert said is not None, f"{metric.name}: the help text should be '<question>? <meaning>.', not {metric.help!r}"
    if metric.name.endswith("_timestamp_seconds"):
        assert re.search(r"\b0 |once a second", said["meaning"]), "it says when it is 0"


@each_metric
def test_a_metrics_name_says_its_unit_and_type(metric: Metric) -> None:
    assert re.fullmatch(r"(infirmary|outbox_relay|http_server)(_[a-z0-9]+)+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert not metric.name.endswith(("_count", "_sum", "_bucket", "_created", *NO_BASE_UNIT))
    assert metric.kind in ("counter", "gauge", "histogram")
    assert unit_of(metric) is not None


@each_metric
def test_a_label_is_neither_the_scrapes_nor_free(metric: Metric) -> None:
    assert not {*metric.labels} & OF_THE_SCRAPE
    assert all(re.fullmatch(r"[a-z][a-z_]*", label) for label in metric.labels)
    for label, values in metric.values.items():
        assert 0 < len(values) < 30, f"{label} is known in advance"


def test_the_same_name_means_the_same_in_every_process() -> None:
    known: dict[str, Metric] = {}
    for metrics in FOUND.values():
        for metric in metrics:
            other = known.setdefault(metric.name, metric)
            assert (other.kind, other.labels) == (metric.kind, metric.labels)


def test_there_is_no_metric_of_a_relay_among_a_services_own() -> None:
    for process, metrics in FOUND.items():
        of_the_relay = {metric.name.startswith("outbox_relay_") for metric in metrics}
        assert of_the_relay == {process == "relay"}


def test_every_process_shows_its_build_and_whether_it_is_ready() -> None:
    for process, metrics in FOUND.items():
        prefix = "outbox_relay" if process == "relay" else "infirmary"
        names = {metric.name for metric in metrics}
        assert {f"{prefix}_build_info", f"{prefix}_ready", f"{prefix}_not_ready"} <= names
