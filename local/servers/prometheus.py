"""Prometheus and Alertmanager as private servers: they read a hospital's metrics and judge them by its rules."""

import http.client
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from local.errors import LocalError
from local.plan import Plan
from local.ports import LOOPBACK, free_port
from local.process import Process
from local.servers.base import Server
from local.servers.sources import find_program
from local.topology import SERVICES

JOB = "hospital"
"""What the development chart calls its scraping of the services."""

ANSWERS_WITHIN_S = 10.0


@dataclass(frozen=True)
class Target:
    """One process that serves metrics, and what its series are labelled with.

    Attributes:
        port: On the loopback interface.
        labels: `service`, `role` and `pod`, as on Kubernetes, where there are such.
        job: Whose scraping it is.
        path: Where it serves them.
        parameters: The query that is asked with, each name with its values.
    """

    port: int
    labels: Mapping[str, str]
    job: str = JOB
    path: str = "/metrics"
    parameters: Mapping[str, Sequence[str]] | None = None


def targets_of(plan: Plan) -> list[Target]:
    """Returns the processes of a hospital, labelled as the development chart labels its pods."""
    found = []
    for service in SERVICES:
        for role in service.roles:
            labels = {"service": service.name, "role": role.value, "pod": plan.process(service, role).name}
            found.append(Target(plan.metrics_port(service, role), labels | {"roles": " ".join(service.roles)}))
    return found


def targets_of_broker(port: int) -> list[Target]:
    """Returns a broker's own metrics, and those of each queue that alerts and autoscalers ask for."""
    families = {"family": ["queue_coarse_metrics", "queue_consumer_count"]}
    return [
        Target(port, {"service": "rabbitmq", "pod": "rabbitmq-0"}),
        Target(port, {}, job="queues", path="/metrics/detailed", parameters=families),
    ]


class _Answering(Server):
    """What both have in common: one process, and questions over HTTP."""

    port: int
    _alive = "/-/ready"

    def _answers(self) -> bool:
        try:
            return self._get(self._alive)[0] == 200
        except OSError:
            return False

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=ANSWERS_WITHIN_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{self.name} broke off its answer") from error
        finally:
            connection.close()

    def ask(self, path: str) -> Any:
        """Returns what the server answers to GET, read as JSON.

        Raises:
            LocalError: it refuses; the message has what it says.
            OSError: it is away.
        """
        status, body = self._get(path)
        if status != 200:
            raise LocalError(f"{self.name} answered {status} to {path}: {body.decode(errors='replace')[:500]}")
        return json.loads(body)


class AlertmanagerServer(_Answering):
    """A private Alertmanager with a given configuration."""

    name = "Alertmanager"

    def __init__(self, folder: Path, configuration: Path, *, port: int | None = None) -> None:
        """Prepares the server; nothing runs before `start`.

        Args:
            folder: For its data and its log.
            configuration: Its file of routes, receivers and inhibitions.
            port: A free one when None.

        Raises:
            LocalError: it is not installed.
        """
        self.port = port or free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        program = _program("prometheus-alertmanager", "alertmanager")
        command = [
            program, f"--config.file={configuration}", f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={LOOPBACK}:{self.port}", "--cluster.listen-address=", "--log.level=warn",
        ]  # fmt: skip
        self.processes = (Process(self.name, command, log_path=folder / "alertmanager.log"),)
        self.description = f"Alertmanager, a private server ({program})"

    def alerts(self) -> list[dict[str, Any]]:
        """Returns the alerts that it knows to be firing: with `labels`, `annotations`, `startsAt`, `status`."""
        found: list[dict[str, Any]] = self.ask("/api/v2/alerts?silenced=true&inhibited=true&active=true")
        return found


class PrometheusServer(_Answering):
    """A private Prometheus that scrapes given targets and judges them by given rules."""

    name = "Prometheus"

    def __init__(
        self,
        folder: Path,
        targets: Iterable[Target],
        *,
        rule_files: Iterable[Path] = (),
        alertmanager: AlertmanagerServer | None = None,
        every: str = "1s",
        port: int | None = None,
    ) -> None:
        """Prepares the server; nothing runs before `start`.

        Args:
            folder: For its configuration, its data and its log.
            targets: What it scrapes.
            rule_files: What it judges by.
            alertmanager: Who is told of alerts.
            every: How often it scrapes, and judges, as Prometheus writes it.
            port: A free one when None.

        Raises:
            LocalError: it is not installed.
        """
        self.port = port or free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._configuration = folder / "prometheus.json"  # JSON is YAML
        self._content = configuration(list(targets), [str(path.resolve()) for path in rule_files], alertmanager, every)
        program = _program("prometheus")
        command = [
            program, f"--config.file={self._configuration}", f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--web.listen-address={LOOPBACK}:{self.port}", "--log.level=warn",
        ]  # fmt: skip
        self.processes = (Process(self.name, command, log_path=folder / "prometheus.log"),)
        self.description = f"Prometheus, a private server ({program})"

    def launch(self) -> None:
        """Starts the server and does not wait; its configuration is written first."""
        self._configuration.parent.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(json.dumps(self._content, indent=1))
        super().launch()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Returns the series of an instant query: each with `metric` and `value` (time, text).

        Raises:
            LocalError: the expression is wrong; the message says where.
        """
        answer = self.ask(f"/api/v1/query?query={quote(expression)}")
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


def configuration(
    targets: Sequence[Target], rule_files: Sequence[str], alertmanager: AlertmanagerServer | None, every: str
) -> dict[str, Any]:
    """Returns the content of Prometheus' configuration."""
    jobs: dict[str, dict[str, Any]] = {}
    for target in targets:
        job = jobs.setdefault(
            target.job,
            {
                "job_name": target.job,
                "metrics_path": target.path,
                "params": {name: list(values) for name, values in (target.parameters or {}).items()},
                "static_configs": [],
                # Only `up` needs it.
                "metric_relabel_configs": [{"action": "labeldrop", "regex": "roles"}],
            },
        )
        job["static_configs"].append({"targets": [f"{LOOPBACK}:{target.port}"], "labels": dict(target.labels)})
    told = [] if alertmanager is None else [{"static_configs": [{"targets": [f"{LOOPBACK}:{alertmanager.port}"]}]}]
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
        "rule_files": list(rule_files),
        "alerting": {"alertmanagers": told},
        "scrape_configs": list(jobs.values()),
    }


def is_installed() -> bool:
    """Tells whether both servers are on this machine."""
    return bool(
        find_program("prometheus") and (find_program("prometheus-alertmanager") or find_program("alertmanager"))
    )


def _program(*names: str) -> str:
    for name in names:
        if found := find_program(name):
            return found
    raise LocalError(f"{names[0]} is not installed (Debian, Ubuntu: sudo apt-get install {names[0]})")
