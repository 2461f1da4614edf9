"""Counts and times of requests, under labels of which a client can make up none."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Gauge, Histogram

_SECONDS: Final = Histogram(
    "http_server_request_duration_seconds",
    "How long do requests take, and how do they end? From the whole request to its answer, in seconds; the route is the"
    " rule, or other.",
    ["http_request_method", "http_route", "http_response_status_code"],
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ACTIVE: Final = Gauge(
    "http_server_active_requests", "How many requests are being worked on? Those that have a thread; 0 at rest."
)

METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT")
OTHER_METHOD: Final = "_OTHER"
OTHER_ROUTE: Final = "other"
TURNED_AWAY: Final = (421, 429)
"""Statuses of requests that no endpoint has seen."""

_OF_ANY_REQUEST: Final = (404, 405, *TURNED_AWAY)


class RequestCounts:
    """What an application counts of its requests; of a series that was counted once, it keeps hold."""

    def __init__(self, routes: Iterable[tuple[str, str, Iterable[int]]], refused: Iterable[int]) -> None:
        """Shows nought for all that may be asked for and answered.

        Args:
            routes: Method, rule and the statuses of each endpoint; every other pair is counted as the route `other`.
            refused: The statuses of what never becomes a request.
        """
        self._routes: set[tuple[str, str]] = set()
        self._series: dict[tuple[str, str, int], Histogram] = {}
        for method, rule, statuses in routes:
            self._routes.add((method, rule))
            for status in statuses:
                self._of(method, rule, status)
        for method in (*METHODS, OTHER_METHOD):
            for status in _OF_ANY_REQUEST:
                self._of(method, OTHER_ROUTE, status)
        for status in refused:
            self._of(OTHER_METHOD, OTHER_ROUTE, status)
        for method in ("HEAD", "OPTIONS"):
            self._of(method, OTHER_ROUTE, 200)

    def count(
        self, method: str, rule: str | None, status: int, seconds: float, sampled_trace: str | None = None
    ) -> None:
        """Counts an answer.

        Args:
            method: As the client gave it.
            rule: Of the route, None where there is none.
            status: Of the answer.
            seconds: Since the request was whole.
            sampled_trace: The id of the trace that somebody keeps, if it belongs to one.
        """
        if rule is None or status in TURNED_AWAY or (method, rule) not in self._routes:
            method, rule = method if method in METHODS else OTHER_METHOD, OTHER_ROUTE
        self._of(method, rule, status).observe(seconds, {"trace_id": sampled_trace} if sampled_trace else None)

    def _of(self, method: str, rule: str, status: int) -> Histogram:
        series = self._series.get((method, rule, status))
        if series is None:
            series = self._series[method, rule, status] = _SECONDS.labels(method, rule, status)
        return series


def count_refusal(status: int, seconds: float) -> None:
    """Counts what never became a request, or could not be worked on."""
    _SECONDS.labels(OTHER_METHOD, OTHER_ROUTE, status).observe(seconds)
