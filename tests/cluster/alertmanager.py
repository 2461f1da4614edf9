"""The alerts of the hospital in the cluster, its rules' times shortened while a test looks at them."""

import json
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from alerts.rendering import Installation, groups
from tests.cluster.cluster import helm
from tests.cluster.port_forward import PortForward
from tests.eventually import eventually

FACTOR, EVERY, AS_BEFORE = 0.1, "2s", "10s"
SHOWN_WITHIN_S = 180.0
PORT = 9093

Alert = dict[str, Any]


@dataclass(frozen=True)
class Alerts:
    """What Alertmanager knows, through its forwarded port."""

    port: int

    def firing(self, name: str, **labels: str) -> list[Alert]:
        """Returns what fires under this name and with these labels; nothing while Alertmanager is away."""
        wanted = {"alertname": name, **labels}
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v2/alerts", timeout=10) as answer:
                alerts: list[Alert] = json.load(answer)
        except OSError:
            return []
        return [alert for alert in alerts if wanted.items() <= alert["labels"].items()]

    def shows(self, name: str, **labels: str) -> Alert:
        """Waits until an alert fires.

        Raises:
            AssertionError: It does not.
        """
        return eventually(
            lambda: self.firing(name, **labels), because=f"{name} {labels} fires", within_s=SHOWN_WITHIN_S
        )[0]

    def is_over(self, name: str, **labels: str) -> None:
        """Waits until an alert does not fire any more, while the dead man's switch says that all can be heard."""
        eventually(
            lambda: self.firing("InfirmaryWatchdog") and not self.firing(name, **labels),
            because=f"{name} {labels} is resolved",
            within_s=SHOWN_WITHIN_S,
        )


@contextmanager
def alerts_in_seconds() -> Iterator[Alerts]:
    """Gives Prometheus the same rules with all their times shortened, and afterwards those of the chart again."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "alerts.yaml"
        rules.write_text(yaml.safe_dump(groups(Installation.DEVELOPMENT, factor=FACTOR)))
        _give(EVERY, "--set-file", f"prometheus.rules={rules}")
    try:
        with PortForward("alertmanager", PORT) as forward:
            yield Alerts(forward.port)
    finally:
        _give(AS_BEFORE, "--set", "prometheus.rules=")


def _give(every: str, *rules: str) -> None:
    upgrade = ("upgrade", "infra", "charts/infra", "--reuse-values", "--wait", "--timeout", "4m")
    helm(*upgrade, "--set", f"prometheus.scrapeInterval={every}", *rules)
