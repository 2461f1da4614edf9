"""Shows Prometheus which faults are in force, so that dashboards can mark them (CHAOS_METRICS_PORT)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from local.ports import LOOPBACK


class ShownFaults:
    """Says of each fault how often it is in force now."""

    def __init__(self, faults: Iterable[str]) -> None:
        """Makes the series of all that may be injected."""
        self.registry = CollectorRegistry()
        self._in_force = Gauge(
            "infirmary_chaos_fault",
            "Is a fault injected on purpose? How often it is in force now; 0 when it is not.",
            ["fault"],
            registry=self.registry,
        )
        for fault in faults:
            self._in_force.labels(fault)

    def begins(self, fault: str) -> None:
        """Notes that a fault was injected."""
        self._in_force.labels(fault).inc()

    def ends(self, fault: str) -> None:
        """Notes that it was healed."""
        self._in_force.labels(fault).dec()

    @contextmanager
    def served(self, port: int | None) -> Iterator[None]:
        """Serves /metrics on this port of the loopback interface; nothing when there is none."""
        if port is None:
            yield
            return
        server, thread = start_http_server(port, LOOPBACK, self.registry)
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
