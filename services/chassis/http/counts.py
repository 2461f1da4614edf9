"""Counts and times of requests, under labels of which a client can make up none."""

from typing import Final

from prometheus_client import Counter, Histogram

_REQUESTS = Counter(
    "infirmary_http_requests_total", "Requests, by endpoint and status.", ["method", "endpoint", "status"]
)
_LATENCY = Histogram(
    "infirmary_http_request_seconds",
    "From the request to the answer.",
    ["method", "endpoint"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_OTHER: Final = "other"
_NO_ENDPOINT: Final = "none"


def count(method: str, endpoint: str | None, status: int, seconds: float) -> None:
    """Counts an answer.

    Args:
        method: As the client gave it; one that this server does not know is counted as `other`.
        endpoint: The name of the function that answered, None where there is none.
        status: Of the answer.
        seconds: Since the request was whole.
    """
    known, name = method if method in _METHODS else _OTHER, (endpoint or _NO_ENDPOINT).rpartition(".")[2]
    _REQUESTS.labels(known, name, status).inc()
    _LATENCY.labels(known, name).observe(seconds)


def count_refusal(status: int) -> None:
    """Counts what never became a request, or could not be worked on."""
    _REQUESTS.labels(_OTHER, _NO_ENDPOINT, status).inc()
