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
LAG = 'infirmary_log_lag_messages{{service="chart",log="{log}",pod="{pod}"}}'


def scaled(role: str, *values: str) -> dict[str, Any]:
    objects = of_kind("ScaledObject", service("chart", *SCALED, *values))
    found: dict[str, Any] = objects[f"chart-{role}"]["spec"]
    return found


needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with prometheus")

OLDEST = 'outbox_relay_oldest_timestamp_seconds{{service="billing",pod="{pod}"}}'
MEASURED = 'outbox_relay_measured_timestamp_seconds{{service="billing",pod="{pod}"}}'


def asked(query: str, folder: Path, series: dict[str, str], answers: dict[str, float]) -> None:
    """Has Prometheus answer the query at some moments, by series that come every 15 s."""
    expected = [
        {"expr": query, "eval_time": moment, "exp_samples": [{"labels": "{}", "value": value}]}
        for moment, value in answers.items()
    ]
    given = [{"series": name, "values": values} for name, values in series.items()]
    file = folder / "test.yaml"
    test = {"interval": "15s", "input_series": given, "promql_expr_test": expected}
    file.write_text(yaml.safe_dump({"evaluation_interval": "15s", "tests": [test]}))
    told = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr + told.stdout


def query_of(role: str, name: str = "chart") -> str:
    """Returns what KEDA asks for a service's processes in this role."""
    objects = of_kind("ScaledObject", service(name, "--set", "relay.enabled=true", *SCALED))
    query: str = objects[f"{name}-{role}"]["spec"]["triggers"][0]["metadata"]["query"]
    return query


@needs_promtool
@pytest.mark.parametrize(
    ("series", "backlog"),
    [
        # The log holds 1578 of its 10,000 messages and the reader has come to 8499.
        ({HELD: 1578, OFFSET: 8499, LAG.format(log="ward.events", pod="a"): 1500}, 1500),
        (
            {
                HELD: 1578,
                OFFSET: 8499,
                LAG.format(log="ward.events", pod="a"): 1500,
                LAG.format(log="ward.to.chart", pod="a"): 40,
            },
            1540,
        ),
        ({LAG.format(log="ward.events", pod="a"): 0, LAG.format(log="ward.events", pod="b"): 70}, 70),
        ({LAG.format(log="ward.events", pod="a"): 5, LAG.format(log="lab.events", pod="a"): 6}, 11),
        ({'infirmary_log_lag_messages{service="ward",log="lab.events"}': 9}, 0),
        ({}, 0),
    ],
    ids=["after retention", "and commands", "a standby beside", "two logs", "another service", "nothing"],
)
def test_consumers_are_scaled_by_what_they_have_not_applied(
    series: dict[str, int], backlog: int, tmp_path: Path
) -> None:
    asked(query_of("consumer"), tmp_path, {name: str(value) for name, value in series.items()}, {"0m": backlog})


@needs_promtool
def test_a_cut_of_the_log_changes_nothing_of_what_is_still_to_be_applied(tmp_path: Path) -> None:
    """Retention takes 10,000 messages away; before that, the length less the offset would have been right."""
    series = {
        'rabbitmq_detailed_queue_messages{queue="patient.events"}': "11001 1001 1011",
        'infirmary_log_offset{service="chart",log="patient.events"}': "10500 10500 10500",
        LAG.format(log="patient.events", pod="a"): "500 500 510",
        LAG.format(log="patient.events", pod="b"): "0 0 0",
    }
    asked(query_of("consumer"), tmp_path, series, {"0s": 500, "15s": 500, "30s": 510})


@needs_promtool
@pytest.mark.parametrize(
    ("series", "answers"),
    [
        ({OLDEST.format(pod="a"): "0x9"}, {"1m": 0}),
        ({OLDEST.format(pod="a"): "15x9", OLDEST.format(pod="b"): "15x9"}, {"1m": 45}),
        ({OLDEST.format(pod="a"): "15x2 stale"}, {"30s": 15, "1m": 0}),
        (
            {
                OLDEST.format(pod="a"): "15x40",
                MEASURED.format(pod="a"): "15x40",
                OLDEST.format(pod="b"): "15 0x40",
                MEASURED.format(pod="b"): "0+15x40",
            },
            {"15s": 0, "2m": 0},
        ),
        ({OLDEST.format(pod="a"): "15x40", MEASURED.format(pod="a"): "15x40"}, {"2m": 105}),
        ({OLDEST.format(pod="a").replace("billing", "ward"): "15x40"}, {"2m": 0}),
        ({}, {"0s": 0}),
    ],
    ids=[
        "an empty outbox", "two that measure the same", "its pod is gone", "one hangs, the other has sent it",
        "the only one hangs", "another service", "nothing",
    ],
)  # fmt: skip
def test_relays_are_scaled_by_how_long_the_oldest_message_has_waited(
    series: dict[str, str], answers: dict[str, float], tmp_path: Path
) -> None:
    asked(query_of("relay", "billing"), tmp_path, series, answers)


@pytest.mark.parametrize("role", ["consumer", "relay"])
def test_some_are_there_while_prometheus_is_away(role: str) -> None:
    assert scaled(role)["fallback"] == {"failureThreshold": 3, "replicas": 2}
    fewest = scaled(role, "--set", f"{role}.scaling.minReplicas=3")
    assert fewest["fallback"]["replicas"] == 3


def test_nothing_is_said_that_has_no_effect() -> None:
    """KEDA knows the cooldown only for scaling to none."""
    assert "cooldownPeriod" not in scaled("consumer")
