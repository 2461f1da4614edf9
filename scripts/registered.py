"""The metrics that each kind of process registers, found by asking one.

Each is asked in a process of its own, as metrics of two kinds of processes may have the same name:
`python -m scripts.registered api` prints them as JSON.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from prometheus_client import REGISTRY, CollectorRegistry

if TYPE_CHECKING:
    from infirmary.settings import Settings

REPOSITORY: Final = Path(__file__).resolve().parents[1]

FOREIGN: Final = ("process_", "python_")
"""Of the client library: what all programs show."""

CLOSED: Final = frozenset({"cause", "http_request_method", "kind", "outcome", "reason", "server", "state", "status"})
"""Labels whose values are the same few for every service."""


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        name: As in a query; of a histogram without `_bucket` and the like.
        kind: `counter`, `gauge` or `histogram`.
        help: What is said of it.
        labels: Their names, in order.
        values: Of the closed labels.
    """

    name: str
    kind: str
    help: str
    labels: list[str]
    values: dict[str, list[str]] = field(default_factory=dict)


def of_process(kind: str) -> list[Metric]:
    """Returns the metrics of a kind of process, by name.

    Raises:
        subprocess.CalledProcessError: It cannot be asked; stderr says why.
    """
    asked = subprocess.run(
        [sys.executable, "-m", "scripts.registered", kind],
        check=True, capture_output=True, text=True, cwd=REPOSITORY, env=_environment(),
    )  # fmt: skip
    return [Metric(**each) for each in json.loads(asked.stdout)]


def _environment() -> dict[str, str]:
    """Returns an environment in which nothing of the hospital's is set: what is registered must not depend on it."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def _api() -> CollectorRegistry:
    from infirmary.http.api_health import ApiHealth
    from infirmary.http.pool import PoolCollector
    from infirmary.observing.readiness import expect_readiness
    from infirmary.processes import make_app

    for service in _commands():
        import_module(f"services.{service}.api")
    import_module("infirmary.http.server")  # which the application knows nothing of
    app = make_app("admission", _away())
    storage = app.extensions["storage"]
    expect_readiness(ApiHealth(storage))
    REGISTRY.register(PoolCollector(storage.pool))
    return REGISTRY


def _consumer() -> CollectorRegistry:
    from infirmary.observing.health import Liveness
    from infirmary.observing.readiness import expect_readiness
    from infirmary.processes import growing_tables, make_consumer
    from infirmary.registry import handlers_of, rounds_of_service

    for service in _commands():
        handlers_of(service)
        rounds_of_service(service, _away())
    liveness = Liveness()
    make_consumer("admission", _away(), liveness)
    growing_tables("admission", _away())
    expect_readiness(liveness)
    return REGISTRY


def _commands() -> list[str]:
    """Imports what the command line does, and returns all services: what only some of them show is to be there."""
    import_module("services.__main__")
    from infirmary.registry import names

    return names()


def _away() -> "Settings":
    from infirmary.settings import Settings

    logging.disable()  # the database is away, and nobody needs it
    return Settings(database_url="postgresql://nobody:nothing@127.0.0.1:1/none")


def _relay() -> CollectorRegistry:
    sys.path.insert(0, str(REPOSITORY / "relay"))
    from infirmary_relay import metrics

    metrics.show_from_the_start()
    return metrics.registry


def _gap_auditor() -> CollectorRegistry:
    from audit.gap_metrics import registry, show_from_the_start

    show_from_the_start(["patient"])
    return registry


PROCESSES: Final[dict[str, Callable[[], CollectorRegistry]]] = {
    "api": _api,
    "consumer": _consumer,
    "relay": _relay,
    "gap-auditor": _gap_auditor,
}


def _registered(registry: CollectorRegistry) -> Iterator[Metric]:
    labels: dict[str, list[str]] = {}
    for collector in list(registry._collector_to_names):  # nothing else tells the labels of what has no values yet
        for described in getattr(collector, "describe", list)():
            labels[described.name] = list(getattr(collector, "_labelnames", ()))
    for family in registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if name.startswith(FOREIGN):
            continue
        shown = [sample.labels for sample in family.samples]
        names = labels.get(family.name) or sorted({label for each in shown for label in each} - {"le"})
        values = {label: sorted({each[label] for each in shown if label in each}) for label in names if label in CLOSED}
        yield Metric(name, family.type, family.documentation, names, values)


if __name__ == "__main__":
    found = sorted(_registered(PROCESSES[sys.argv[1]]()), key=lambda metric: metric.name)
    print(json.dumps([asdict(metric) for metric in found]), flush=True)
    os._exit(0)  # threads may be waiting for a database
