"""What KEDA is told: how far the consumers are behind, as they say it themselves, whatever retention has removed."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.charts.rendering import needs_helm, of_kind, service

pytestmark = needs_helm

SCALED = ("--set", "consumer.scaling.enabled=true,relay.scaling.enabled=true")

HELD = 'rabbitmq_detailed_queue_messages{queue="ward.events"}'
OFFSET = 'infirmary_log_offset{service="chart",log="ward.events"}'
LAG = 'infirmary_log_lag_messages{{service="chart",log="{log}.events",pod="{pod}"}}'
INBOX = 'rabbitmq_detailed_queue_messages_ready{queue="chart.inbox"}'


def scaled(role: str, *values: str) -> dict[str, Any]:
    objects = of_kind("ScaledObject", service("chart", "--set", "relay.enabled=true", *SCALED, *values))
    found: dict[str, Any] = objects[f"chart-{role}"]["spec"]
    return found


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed: it comes with prometheus")
@pytest.mark.parametrize(
    ("series", "backlog"),
    [
        # The log holds 1578 of its 10,000 messages and the reader has come to 8499.
        ({HELD: 1578, OFFSET: 8499, LAG.format(log="ward", pod="a"): 1500}, 1500),
        ({HELD: 1578, OFFSET: 8499, LAG.format(log="ward", pod="a"): 1500, INBOX: 40}, 1540),
        ({LAG.format(log="ward", pod="a"): 0, LAG.format(log="ward", pod="b"): 70}, 70),
        ({LAG.format(log="ward", pod="a"): 5, LAG.format(log="lab", pod="a"): 6}, 11),
        ({INBOX: 40}, 40),
        ({'infirmary_log_lag_messages{service="ward",log="lab.events"}': 9}, 0),
        ({}, 0),
    ],
    ids=["after retention", "and an inbox", "a standby beside", "two logs", "an inbox", "another service", "nothing"],
)
def test_consumers_are_scaled_by_what_they_have_not_applied(
    series: dict[str, int], backlog: int, tmp_path: Path
) -> None:
    query = scaled("consumer")["triggers"][0]["metadata"]["query"]
    expected = {"expr": query, "eval_time": "0m", "exp_samples": [{"labels": "{}", "value": backlog}]}
    given = [{"series": name, "values": str(value)} for name, value in series.items()]
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"tests": [{"input_series": given, "promql_expr_test": [expected]}]}))
    told = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr + told.stdout


@pytest.mark.parametrize("role", ["consumer", "relay"])
def test_some_are_there_while_prometheus_is_away(role: str) -> None:
    assert scaled(role)["fallback"] == {"failureThreshold": 3, "replicas": 2}
    fewest = scaled(role, "--set", f"{role}.scaling.minReplicas=3")
    assert fewest["fallback"]["replicas"] == 3


def test_nothing_is_said_that_has_no_effect() -> None:
    """KEDA knows the cooldown only for scaling to none."""
    assert "cooldownPeriod" not in scaled("consumer")
