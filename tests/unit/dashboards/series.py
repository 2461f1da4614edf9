"""Which series there are, with which labels: those that the code registers, and those of others, with their source."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

import infirmary
import infirmary_relay.metrics
import services
from audit import gap_metrics
from infirmary.http.pool import PoolCollector
from infirmary.observing.pool_state import PoolState

TARGET: Final = frozenset({"namespace", "service", "role", "pod", "job", "instance"})
"""What the scrape configuration adds to every series of a process: charts/infra/files/prometheus.yml."""

_SUFFIXES: Final = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "summary": ("_count", "_sum")}

OTHERS: Final[dict[str, frozenset[str]]] = {
    # Prometheus about a target, and about alerts, which have the labels of their rules:
    # https://prometheus.io/docs/concepts/jobs_instances and /docs/prometheus/latest/configuration/alerting_rules
    "up": frozenset(),
    "ALERTS": frozenset({"alertname", "alertstate", "severity"}),
    "ALERTS_FOR_STATE": frozenset({"alertname", "severity"}),
    # The process and its Python, by prometheus_client in every process of ours, where it runs on Linux.
    "process_cpu_seconds_total": frozenset(),
    "process_resident_memory_bytes": frozenset(),
    "process_start_time_seconds": frozenset(),
    # RabbitMQ, /metrics/detailed?family=queue_coarse_metrics: its page on them, in deps/rabbitmq_prometheus.
    # Who injects faults says which, while they are in force: tests/chaos/shown.py
    "infirmary_chaos_fault": frozenset({"fault"}),
}
"""Series of others, by name, with their own labels."""


def registered() -> dict[str, frozenset[str]]:
    """Returns the labels of every series that a process of ours registers, by its name."""
    for module in (each for each in _modules(infirmary) if ".migrations" not in each and not each.endswith("__main__")):
        importlib.import_module(module)
    for module in (each for each in _modules(services) if each.endswith(".watch")):
        importlib.import_module(module)
    pool = CollectorRegistry()
    pool.register(PoolCollector(PoolState))
    registries = (REGISTRY, pool, infirmary_relay.metrics.registry, gap_metrics.registry)
    found = [each for registry in registries for each in _of_registry(registry)]
    return dict(found)


def _of_registry(registry: CollectorRegistry) -> Iterator[tuple[str, frozenset[str]]]:
    for collector in set(registry._collector_to_names):
        declared = set(collector._labelnames) if isinstance(collector, MetricWrapperBase) else set()
        for metric in collector.collect():
            labels = declared | {label for sample in metric.samples for label in sample.labels}
            for suffix in _SUFFIXES.get(metric.type, ("",)):
                bucket = {"le"} if suffix == "_bucket" else set()
                yield metric.name + suffix, frozenset(labels - {"le"} | bucket)


def _modules(package: ModuleType) -> Iterator[str]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith("__main__"):
            yield found.name
