"""A Prometheus of its own that watches a hospital of this machine, and beside it the auditor of gaps."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from local.hospital import Hospital
from local.ports import free_port
from local.process import Process
from local.rundir import REPOSITORY
from local.servers.prometheus import PrometheusServer, Target, targets_of, targets_of_broker
from local.servers.rabbitmq import RabbitMQServer

RULES: Final = REPOSITORY / "charts" / "infra" / "files" / "alerts.yaml"
"""The alerts of the development chart, or none could fire."""

EVERY: Final = "1s"
"""A day takes a minute or two, so that the usual ten seconds would be too seldom."""


@contextmanager
def watched(hospital: Hospital, folder: Path) -> Iterator[PrometheusServer]:
    """Watches a hospital that runs: its processes, its broker if that shows its metrics, and its logs for gaps.

    It judges all of it by the alerts, and tells nobody.

    Raises:
        LocalError: Prometheus is not installed, or does not start.
    """
    targets = targets_of(hospital.plan)
    broker = hospital.servers.rabbitmq
    if isinstance(broker, RabbitMQServer) and broker.metrics_port is not None:
        targets += targets_of_broker(broker.metrics_port)
    port = free_port()
    auditor = Process(
        "gap auditor",
        [sys.executable, "-m", "audit", "gaps"],
        log_path=folder / "gap-auditor.log",
        environment={**os.environ, "RABBITMQ_URL": broker.url, "METRICS_PORT": str(port)},
        working_dir=REPOSITORY,
    )
    targets.append(Target(port, {"service": "gap-auditor", "role": "auditor", "pod": "gap-auditor"}))
    auditor.start()
    try:
        with PrometheusServer(folder, targets, rule_files=[RULES], every=EVERY) as prometheus:
            yield prometheus
    finally:
        auditor.stop()
