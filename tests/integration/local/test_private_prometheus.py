"""Prometheus and Alertmanager as private servers: what a rule finds in the metrics of a target arrives as an alert."""

import json
from pathlib import Path

import pytest

from local.errors import LocalError
from local.ports import free_port
from local.servers.prometheus import AlertmanagerServer, PrometheusServer, Target, is_installed, targets_of_broker
from local.servers.rabbitmq import RabbitMQServer
from tests.eventually import eventually

pytestmark = pytest.mark.skipif(not is_installed(), reason="prometheus and prometheus-alertmanager are not installed")

RULES = {
    "groups": [
        {
            "name": "it",
            "rules": [{"alert": "TargetAway", "expr": "up == 0", "labels": {"severity": "warning"}}],
        }
    ]
}
ROUTES = {"route": {"receiver": "nobody", "group_wait": "1s"}, "receivers": [{"name": "nobody"}]}


def test_a_target_that_is_away_becomes_an_alert_with_its_labels(tmp_path: Path) -> None:
    rules, routes = tmp_path / "rules.json", tmp_path / "routes.json"
    rules.write_text(json.dumps(RULES))
    routes.write_text(json.dumps(ROUTES))
    nobody = Target(free_port(), {"service": "billing", "role": "relay", "pod": "billing-relay"})
    with (
        AlertmanagerServer(tmp_path, routes) as alertmanager,
        PrometheusServer(tmp_path, [nobody], rule_files=[rules], alertmanager=alertmanager) as prometheus,
    ):
        (alert,) = eventually(alertmanager.alerts, because="the alert arrives", within_s=30)
        assert alert["labels"]["alertname"] == "TargetAway"
        assert {alert["labels"][name] for name in ("service", "role", "pod")} == {"billing", "relay", "billing-relay"}
        assert [series["value"][1] for series in prometheus.query("up")] == ["0"]
        with pytest.raises(LocalError, match="parse error"):
            prometheus.query("sum(")


def test_the_brokers_metrics_can_be_read(tmp_path: Path) -> None:
    with RabbitMQServer(tmp_path / "rabbitmq", metrics_port=free_port()) as broker:
        assert broker.metrics_port is not None
        with PrometheusServer(tmp_path, targets_of_broker(broker.metrics_port)) as prometheus:
            found = eventually(
                lambda: prometheus.query('rabbitmq_alarms_memory_used_watermark{service="rabbitmq"}'),
                because="the broker says whether it has an alarm",
                within_s=30,
            )
            assert [series["value"][1] for series in found] == ["0"]
