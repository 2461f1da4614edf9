"""Every query is PromQL, for Prometheus itself and for the parser that the other tests read it with."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dashboards.asking import filled
from tests.unit.dashboards.pages import PAGES, expressions, panels
from tests.unit.dashboards.promql import Wanted, wanted

each_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("up", {("up", "")}),
        ('sum by (a, b) (x{c="1"})', {("x", "abc")}),
        ("sum without (a) (x)", {("x", "")}),
        ("sum by (a) (max by (b) (x))", {("x", "b")}),
        ("histogram_quantile(0.9, sum by (a, le) (rate(x_bucket[1m])))", {("x_bucket", "a le")}),
        ("x and on (a) y", {("x", "a"), ("y", "a")}),
        ("x unless ignoring (a) y", {("x", ""), ("y", "")}),
        ('time() - (min by (a) (x{b=~"c|d"} > 0))', {("x", "ab")}),
        ('label_replace(vector(0), "a", "b", "", "")', set()),
        ("max_over_time(x[5m:1m]) + -y offset 5m", {("x", ""), ("y", "")}),
        ('rate(x{service=~"$service"}[$__rate_interval])', {("x", "service")}),
    ],
)
def test_what_a_query_asks_for_is_found(expression: str, found: set[tuple[str, str]]) -> None:
    def names(text: str) -> frozenset[str]:
        return frozenset(text.split() if " " in text or len(text) > 3 else text)

    assert wanted(expression) == {Wanted(metric, names(labels)) for metric, labels in found}


@each_page
def test_every_query_asks_for_the_chosen_namespace_and_services(page: dict[str, Any]) -> None:
    chosen_by = {"service", "source", "queue"}
    for panel in panels(page):
        for target in panel["targets"]:
            for each in wanted(target["expr"]):
                assert "namespace" in each.labels, panel["title"]
                assert each.labels & chosen_by, panel["title"]


@each_page
def test_a_legend_names_only_labels_that_are_there(page: dict[str, Any]) -> None:
    for panel in panels(page):
        for target in panel["targets"]:
            labels = set().union(*(each.labels for each in wanted(target["expr"]))) | {"le"}
            shown = {part.partition("}}")[0] for part in target["legendFormat"].split("{{")[1:]}
            assert shown <= labels, panel["title"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@each_page
def test_prometheus_own_checker_takes_every_query(page: dict[str, Any], tmp_path: Path) -> None:
    rules = [{"record": "checked", "expr": filled(expression)} for _, expression in expressions(page)]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": str(at), "rules": [rule]} for at, rule in enumerate(rules)]}))
    checked = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
