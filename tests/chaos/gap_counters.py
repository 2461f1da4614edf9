"""The counters of gaps that a hospital shows while it runs: the auditor's, and each consumer's own beside it."""

import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from audit.hospital import READS
from local.ports import LOOPBACK, free_port
from local.process import Process
from local.rundir import REPOSITORY
from local.topology import SERVICES, Role
from tests.chaos.checker.finding import Column, Finding, found
from tests.chaos.scene import Scene
from tests.eventually import eventually

AT_ZERO = "at rest, no counter of gaps is above zero"
ZERO_WITHIN_S = 20.0
AUDITORS, SUBJECTS, CONSUMERS = "infirmary_log_missing", "infirmary_log_subjects", "infirmary_messages_missing"


@contextmanager
def gap_auditor(rabbitmq_url: str, environment: Mapping[str, str], log_path: Path) -> Iterator[int]:
    """Runs the auditor of gaps as a process of its own, and gives the port of its metrics."""
    port = free_port()
    auditor = Process(
        "gap auditor",
        [sys.executable, "-m", "audit", "gaps"],
        log_path=log_path,
        environment={**environment, "RABBITMQ_URL": rabbitmq_url, "METRICS_PORT": str(port)},
        working_dir=REPOSITORY,
    )
    auditor.start()
    try:
        yield port
    finally:
        auditor.stop()


def gauge(port: int, name: str) -> dict[str, float]:
    """Returns the values of a gauge by its first label; none of a process that does not answer."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=5) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
    except OSError:
        return {}
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return {next(iter(sample.labels.values()), ""): sample.value for sample in samples}


def gaps_left(scene: Scene, auditors_port: int) -> Iterator[Finding]:
    """Looks at all counters, once everything is at rest."""
    yield from _above_zero("the auditor", partial(_auditors, auditors_port))
    for service in SERVICES:
        if READS.get(service.name):
            port = scene.hospital.plan.port(service, Role.CONSUMER)
            yield from _above_zero(f"{service.name}'s consumer", partial(gauge, port, CONSUMERS))


def _auditors(port: int) -> dict[str, float]:
    return gauge(port, AUDITORS) if sum(gauge(port, SUBJECTS).values()) else {}


def _above_zero(whose: str, look: Callable[[], dict[str, float]]) -> Iterator[Finding]:
    """A counter may be a moment late."""

    def is_at_zero() -> bool:
        seen = look()
        return bool(seen) and not any(seen.values())

    try:
        eventually(is_at_zero, because=AT_ZERO, within_s=ZERO_WITHIN_S)
    except AssertionError:
        yield found(Column.LOST, AT_ZERO, whose, f"shows {look()}")
