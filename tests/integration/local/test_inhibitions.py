"""What follows from another alert is left out, and nothing else: a real Alertmanager with the chart's inhibitions."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.servers.prometheus import AlertmanagerServer, is_installed
from tests.eventually import eventually

pytestmark = pytest.mark.skipif(not is_installed(), reason="prometheus and prometheus-alertmanager are not installed")

CHART = Path(__file__).parents[3] / "charts/infra/files/alertmanager.yml"
RULES = yaml.safe_load(CHART.read_text())["inhibit_rules"]
STUCK = [{"alertname": "InfirmaryOutboxStuck", "service": service} for service in ("billing", "ward")]
HELD_UP = {"alertname": "InfirmaryBrokerTakesNothing", "service": "billing"}
SLOW = {"alertname": "InfirmarySagaSlow", "service": "admission"}


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[AlertmanagerServer]:
    routes = tmp_path / "routes.json"
    nobody = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    routes.write_text(json.dumps(nobody | {"inhibit_rules": RULES}))
    with AlertmanagerServer(tmp_path, routes) as alertmanager:
        yield alertmanager


def left_out(alertmanager: AlertmanagerServer, *firing: dict[str, str]) -> list[tuple[str, str]]:
    """Returns name and service of those that nobody is told of, when these fire."""
    for labels in firing:
        told = [
            f"{key}={value}" for key, value in (labels | {"namespace": "infirmary", "severity": "critical"}).items()
        ]
        command = ["amtool", f"--alertmanager.url={alertmanager.url}", "alert", "add", *told]
        subprocess.run(command, check=True, capture_output=True)

    def known() -> list[dict[str, Any]]:
        found = alertmanager.alerts()
        return found if len(found) == len(firing) else []

    found = eventually(known, because="all have arrived")
    labels_of = [each["labels"] for each in found if each["status"]["inhibitedBy"]]
    return sorted((labels["alertname"], labels["service"]) for labels in labels_of)


def alarm(of: str) -> dict[str, str]:
    return {"alertname": "InfirmaryBrokerAlarm", "alarm": of, "pod": "rabbitmq-0"}


def test_what_cannot_be_published_for_want_of_disk_is_left_out(alertmanager: AlertmanagerServer) -> None:
    expected = [
        ("InfirmaryOutboxStuck", "billing"),
        ("InfirmaryOutboxStuck", "ward"),
        ("InfirmarySagaSlow", "admission"),
    ]
    assert left_out(alertmanager, alarm("disk"), *STUCK, SLOW) == expected


def test_an_alarm_of_memory_silences_no_service_whose_logs_go_on(alertmanager: AlertmanagerServer) -> None:
    """By the stream protocol it holds up nobody: an outbox that is stuck meanwhile is so for another reason."""
    assert left_out(alertmanager, alarm("memory"), *STUCK, SLOW) == []


def test_who_says_that_the_alarm_holds_it_up_is_left_out_with_what_follows(alertmanager: AlertmanagerServer) -> None:
    expected = [("InfirmaryBrokerTakesNothing", "billing"), ("InfirmaryOutboxStuck", "billing")]
    assert left_out(alertmanager, alarm("memory"), HELD_UP, *STUCK, SLOW) == expected
