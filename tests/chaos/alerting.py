"""A hospital in reach of the nemesis, watched as in operation: Prometheus with the alerts' rules, and Alertmanager.

Every time in the rules is shortened, so that an alert comes after seconds in place of minutes.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from alerts.rendering import Installation, groups
from local.ports import free_port
from local.rundir import REPOSITORY
from local.servers.prometheus import AlertmanagerServer, PrometheusServer, Target, targets_of, targets_of_broker
from tests.chaos.gap_counters import gap_auditor
from tests.chaos.scene import Scene, running_scene
from tests.eventually import eventually

FACTOR, EVERY = 0.1, "2s"
SEVERITIES = ("critical", "warning", "info", "none")
SHOWN_WITHIN_S, OVER_WITHIN_S = 90.0, 180.0

Alert = dict[str, Any]


@dataclass
class WatchedScene:
    """The scene and who watches it."""

    scene: Scene
    prometheus: PrometheusServer
    alertmanager: AlertmanagerServer

    def firing(self, name: str | None = None, **labels: str) -> list[Alert]:
        """Returns what Alertmanager knows to be firing, of this name and with these labels if they are given."""
        wanted = {**labels, **({} if name is None else {"alertname": name})}
        return [alert for alert in self.alertmanager.alerts() if wanted.items() <= alert["labels"].items()]

    def faults(self) -> set[str]:
        """Returns all that fire but the dead man's switch, with what they say."""
        return {
            f"{alert['labels']['alertname']}: {alert['annotations']['summary']}. {alert['annotations']['description']}"
            for alert in self.firing()
            if alert["labels"]["severity"] != "none"
        }

    def shows(self, name: str, **labels: str) -> Alert:
        """Waits until an alert fires.

        Raises:
            AssertionError: It does not; the message says what fires.
        """
        found = eventually(
            lambda: self.firing(name, **labels), because=f"{name} {labels} fires", within_s=SHOWN_WITHIN_S
        )
        return found[0]

    def is_over(self, name: str, **labels: str) -> None:
        """Waits until an alert does not fire any more."""
        eventually(
            lambda: not self.firing(name, **labels), because=f"{name} {labels} is resolved", within_s=OVER_WITHIN_S
        )


@contextmanager
def watched_scene(folder: Path) -> Iterator[WatchedScene]:
    """Starts a hospital with its auditor of gaps, and Prometheus and Alertmanager as the development chart has them.

    Raises:
        LocalError: One of them cannot be started.
    """
    brokers_port = free_port()
    with ExitStack() as stack:
        scene = stack.enter_context(running_scene(folder, print, brokers_metrics=brokers_port))
        env = scene.hospital.env
        auditors_port = stack.enter_context(gap_auditor(env["RABBITMQ_URL"], os.environ, folder / "gap-auditor.log"))
        auditor = Target(auditors_port, {"service": "gap-auditor", "role": "auditor", "pod": "gap-auditor"})
        targets = [*targets_of(scene.hospital.plan), *targets_of_broker(brokers_port), auditor]
        alertmanager = stack.enter_context(AlertmanagerServer(folder, _routes(folder)))
        prometheus = stack.enter_context(
            PrometheusServer(folder, targets, rule_files=[_rules(folder)], alertmanager=alertmanager, every=EVERY)
        )
        yield WatchedScene(scene, prometheus, alertmanager)


def _rules(folder: Path) -> Path:
    path = folder / "alerts.yaml"
    path.write_text(yaml.safe_dump(groups(Installation.DEVELOPMENT, factor=FACTOR)))
    return path


def _routes(folder: Path) -> Path:
    """Returns the chart's routes and inhibitions, with receivers that tell nobody."""
    routes: dict[str, Any] = yaml.safe_load((REPOSITORY / "charts/infra/files/alertmanager.yml").read_text())
    path = folder / "alertmanager.yaml"
    path.write_text(yaml.safe_dump(routes | {"receivers": [{"name": severity} for severity in SEVERITIES]}))
    return path
