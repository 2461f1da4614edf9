"""Prometheus has the rules, Alertmanager has the routes: what the chart renders is what both programs understand."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.rendering import Installation, groups
from tests.unit.charts.rendering import ROOT, infrastructure, needs_helm, of_kind, render

needs_amtool = pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool comes with prometheus-alertmanager")

WEBHOOK = "http://pager.example.com/"


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    """Alertmanager's configuration with a receiver for each severity."""
    values = [f"alertmanager.receivers.{each}.webhook_configs[0].url={WEBHOOK}{each}" for each in ("critical", "none")]
    objects = render("infra", *(word for value in values for word in ("--set", value)))
    path = tmp_path / "alertmanager.yml"
    path.write_text(of_kind("Secret", objects)["alertmanager"]["stringData"]["alertmanager.yml"])
    return path


def told(configuration: Path, *labels: str) -> str:
    asked = ["amtool", "config", "routes", "test", f"--config.file={configuration}", *labels]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


@needs_helm
@needs_amtool
def test_alertmanager_understands_its_configuration(configuration: Path) -> None:
    subprocess.run(["amtool", "check-config", str(configuration)], check=True, capture_output=True)


@needs_helm
@needs_amtool
@pytest.mark.parametrize("severity", ["critical", "warning", "info", "none"])
def test_an_alert_goes_to_those_who_are_there_for_its_severity(configuration: Path, severity: str) -> None:
    assert told(configuration, "alertname=Any", "service=billing", f"severity={severity}") == severity


@needs_helm
@needs_amtool
def test_an_alert_of_a_severity_that_nobody_knows_is_not_lost(configuration: Path) -> None:
    assert told(configuration, "alertname=Any", "severity=strange") == "warning"


@needs_helm
def test_a_receiver_is_told_as_the_values_say(configuration: Path) -> None:
    receivers = {each["name"]: each for each in yaml.safe_load(configuration.read_text())["receivers"]}
    assert receivers["critical"]["webhook_configs"] == [{"url": f"{WEBHOOK}critical"}]
    assert receivers["info"] == {"name": "info"}


@needs_helm
def test_prometheus_has_the_rules_and_tells_alertmanager() -> None:
    files = of_kind("ConfigMap", infrastructure())["prometheus"]["data"]
    settings, rules = yaml.safe_load(files["prometheus.yml"]), yaml.safe_load(files["alerts.yml"])
    assert settings["rule_files"] == ["/etc/prometheus/alerts.yml"]
    assert settings["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] == ["alertmanager:9093"]
    assert _expressions(rules) == _expressions(groups(Installation.DEVELOPMENT))


@needs_helm
def test_without_alertmanager_prometheus_still_judges() -> None:
    objects = render("infra", "--set", "alertmanager.enabled=false")
    settings = yaml.safe_load(of_kind("ConfigMap", objects)["prometheus"]["data"]["prometheus.yml"])
    assert "alerting" not in settings
    assert settings["rule_files"]
    assert "alertmanager" not in of_kind("StatefulSet", objects)


@needs_helm
def test_a_test_may_bring_rules_of_its_own(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups: []\n")
    objects = render("infra", "--set-file", f"prometheus.rules={rules}")
    assert yaml.safe_load(of_kind("ConfigMap", objects)["prometheus"]["data"]["alerts.yml"]) == {"groups": []}


def test_what_is_silenced_and_what_silences_are_alerts_that_there_are() -> None:
    known = {rule["alert"] for each in Installation for rule in _rules(groups(each)) if "alert" in rule}
    text = yaml.safe_load((ROOT / "charts/infra/files/alertmanager.yml").read_text())
    for rule in text["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            name, _, value = matcher.partition("=")
            if name == "alertname":
                assert set(value.removeprefix("~").strip('"').split("|")) <= known, matcher


def _rules(content: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule for group in content["groups"] for rule in group["rules"]]


def _expressions(content: dict[str, Any]) -> dict[str, str]:
    return {rule.get("alert") or rule["record"]: rule["expr"] for rule in _rules(content)}
