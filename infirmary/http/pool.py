"""Metrics of the connections that requests share, read from the pool at each scrape."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from infirmary.observing.pool_state import PoolState


class PoolCollector(Collector):
    """To be registered once, by the process that has the pool: prometheus_client has one registry for a process."""

    def __init__(self, read: Callable[[], PoolState]) -> None:
        """Prepares it.

        Args:
            read: Returns how the pool is used.
        """
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Gives the metrics as they are now."""
        state = self._read()
        connections = GaugeMetricFamily(
            "infirmary_db_pool_connections",
            "How many of the API's connections are in use? Open connections to the database, by state.",
            labels=["state"],
        )
        connections.add_metric(["in_use"], state.in_use)
        connections.add_metric(["idle"], state.idle)
        yield connections
        yield GaugeMetricFamily(
            "infirmary_db_pool_requests_waiting",
            "Does the pool run dry? Requests that wait for a connection to the database now; 0 when all have one.",
            value=state.waiting,
        )
        yield CounterMetricFamily(
            "infirmary_db_pool_wait_seconds",
            "How long do requests wait for connections? Seconds that all together have waited for one.",
            value=state.waited_s,
        )
        yield CounterMetricFamily(
            "infirmary_db_pool_timeouts",
            "Do requests get no connection? Those that had to be answered without one, or found too many waiting.",
            value=state.timeouts,
        )
