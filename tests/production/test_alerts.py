"""The alerts of production, judged by Prometheus' own promtool."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")

UP, DOWN = "1x10", "0x10"
BROKERS = [f'up{{pod="hospital-server-{number}", endpoint="{port}"}}' for number in range(3) for port in ("a", "b")]
MEMBERS = [f'cnpg_collector_up{{cluster="billing", pod="billing-{number}"}}' for number in (1, 2, 3)]
PROCESSES = [f'up{{service="billing", role="{role}"}}' for role in ("api", "consumer", "relay")]


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules as Prometheus' operator gives them to Prometheus."""
    spec = yaml.safe_load((ROOT / "k8s/production/alerts.yaml").read_text())["spec"]
    path = tmp_path_factory.mktemp("alerts") / "rules.yaml"
    path.write_text(yaml.safe_dump(spec))
    return path


def test_promtool_finds_no_fault_with_the_rules(rules: Path) -> None:
    subprocess.run(["promtool", "check", "rules", "--lint-fatal", str(rules)], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("alert", "series", "fires"),
    [
        ("InfirmaryBrokerAway", dict.fromkeys(BROKERS, UP), False),
        ("InfirmaryBrokerAway", {**dict.fromkeys(BROKERS, UP), BROKERS[0]: DOWN, BROKERS[1]: DOWN}, True),
        ("InfirmaryBrokerAway", dict.fromkeys(BROKERS[:4], UP), True),
        ("InfirmaryDatabaseWithoutStandby", dict.fromkeys(MEMBERS[:2], UP), False),
        ("InfirmaryDatabaseWithoutStandby", {**dict.fromkeys(MEMBERS, DOWN), MEMBERS[0]: UP}, True),
        ("InfirmaryRelayAway", dict.fromkeys(PROCESSES, UP), False),
        ("InfirmaryRelayAway", {**dict.fromkeys(PROCESSES, UP), PROCESSES[2]: DOWN}, True),
        ("InfirmaryRelayAway", {'up{service="chart", role="api"}': UP}, False),
        ("InfirmaryConsumerAway", {PROCESSES[0]: UP}, True),
        ("InfirmaryOutboxOld", {'outbox_relay_oldest_timestamp_seconds{service="billing"}': "1x10"}, True),
    ],
)
def test_an_alert_fires_when_it_should_and_only_then(
    rules: Path, tmp_path: Path, alert: str, series: dict[str, str], fires: bool
) -> None:
    given = [{"series": name, "values": values} for name, values in series.items()]
    asked = {"expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)', "eval_time": "8m"}
    expected = [{"labels": "{}", "value": int(fires)}]
    case: dict[str, Any] = {
        "rule_files": [str(rules)],
        "tests": [{"interval": "1m", "input_series": given, "promql_expr_test": [{**asked, "exp_samples": expected}]}],
    }
    file = tmp_path / "case.yaml"
    file.write_text(yaml.safe_dump(case))
    told = subprocess.run(["promtool", "test", "rules", str(file)], check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
