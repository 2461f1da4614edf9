"""The HTTP interfaces (rate, errors, duration), their connections, and the copies of other services' data."""

from typing import Final

from dashboards.model import APIS, Dashboard, Kind, Limits, Panel, Query, Row, Unit
from dashboards.selecting import OVER, ours, quantile, rate, share

_REQUESTS: Final = "http_server_request_duration_seconds"
_API: Final = 'role="api"'
_COUNT: Final = f"{_REQUESTS}_count"
_FAILED: Final = rate(_COUNT, "service", 'http_response_status_code=~"5.."')

_RED: Final = (
    Panel(
        "Requests by route",
        "What is asked for. Amber: near what one process can answer on one core.",
        Kind.LINES, Unit.REQUESTS_PER_SECOND, Limits(700, 1300),
        (Query(rate(_COUNT, "service, http_request_method, http_route"),
               "{{service}} {{http_request_method}} {{http_route}}"),),
        width=12,
    ),
    Panel(
        "Answers by status",
        "By status: 4xx says that a request cannot be taken as it is, 5xx that the service is in trouble.",
        Kind.LINES, Unit.REQUESTS_PER_SECOND, Limits(700, 1300),
        (Query(rate(_COUNT, "service, http_response_status_code"), "{{service}} {{http_response_status_code}}"),),
        alerts=("InfirmaryRequestsFail",), width=12,
    ),
    Panel(
        "Errors",
        "The share of requests answered with 5xx.",
        Kind.LINES, Unit.SHARE, Limits(0.01, 0.05),
        (Query(share(_FAILED, rate(_COUNT, "service")), "{{service}}"),),
        alerts=("InfirmaryRequestsFail",),
    ),
    Panel(
        "Duration, p99 and p50",
        "One request in a hundred takes longer than p99.",
        Kind.LINES, Unit.SECONDS, Limits(0.5, 2.5),
        (Query(quantile(0.99, _REQUESTS, "service"), "{{service}} p99"),
         Query(quantile(0.5, _REQUESTS, "service"), "{{service}} p50")),
        alerts=("InfirmaryPoolExhausted", "InfirmaryRequestsFail"),
    ),
    Panel(
        "Duration, all requests",
        "How long requests take.",
        Kind.HEATMAP, Unit.SECONDS, Limits(0.5, 2.5),
        (Query(f"sum by (le) (increase({ours(f'{_REQUESTS}_bucket')}{OVER}))", "{{le}}"),),
        alerts=("InfirmaryRequestsFail",),
    ),
    Panel(
        "Requests under way",
        "Requests that are being answered now. It stays at the number of threads: more come than are answered.",
        Kind.LINES, Unit.COUNT, Limits(8, 16),
        (Query(f"max by (service, pod) ({ours('http_server_active_requests')})", "{{service}} {{pod}}"),),
        alerts=("InfirmaryPoolExhausted",),
    ),
    Panel(
        "Not ready, by reason",
        "Why an API cannot answer, for as long as it cannot.",
        Kind.STATES, Unit.YES_OR_NO, Limits(None, 1),
        (Query(f"max by (service, reason) ({ours('infirmary_not_ready', _API)}) == 1", "{{service}}: {{reason}}"),),
        nothing="Every API is ready.",
        alerts=("InfirmaryApiNotReady",), width=16,
    ),
    Panel(
        "Certificates expire",
        "How long the certificates that APIs show are still good. Amber: whoever renews them should have done so.",
        Kind.BARS, Unit.SECONDS, Limits(14 * 86_400, 7 * 86_400, below=True),
        (Query(f"min by (service) (({ours('infirmary_http_certificate_expires_timestamp_seconds')} > 0) - time())",
               "{{service}}", now=True),),
        nothing="No API speaks TLS.",
        alerts=("InfirmaryCertificateExpires",),
    ),
)  # fmt: skip

_CONNECTIONS: Final = (
    Panel(
        "Connections to the database",
        "Connections of each pool that are in use, and that are idle.",
        Kind.LINES, Unit.COUNT, Limits(40, 80),
        (Query(f"sum by (service, state) ({ours('infirmary_db_pool_connections')})", "{{service}} {{state}}"),),
        alerts=("InfirmaryPoolExhausted",),
    ),
    Panel(
        "Time spent waiting for a connection",
        "Seconds that requests wait for a connection, in each second, over all of them.",
        Kind.LINES, Unit.SECONDS, Limits(0.1, 1),
        (Query(rate("infirmary_db_pool_wait_seconds_total", "service"), "{{service}}"),),
        alerts=("InfirmaryPoolExhausted",),
    ),
    Panel(
        "Gave up waiting",
        "Requests that got no connection in time and were answered with an error.",
        Kind.LINES, Unit.REQUESTS_PER_SECOND, Limits(0.01, 1),
        (Query(rate("infirmary_db_pool_timeouts_total", "service"), "{{service}}"),),
        alerts=("InfirmaryPoolExhausted",),
    ),
)  # fmt: skip

_IDENTITY: Final = (
    Panel(
        "Age of the provider's keys",
        "How long ago the provider of identities last gave its keys; they are asked for every five minutes.",
        Kind.LINES, Unit.SECONDS, Limits(600, 3600),
        (Query("time() - min by (service, pod) "
               f"({ours('infirmary_identity_keys_fetched_timestamp_seconds')} > 0)", "{{service}} {{pod}}"),),
        nothing="Nobody is asked who he is, or the provider has never been reached.",
        alerts=("InfirmaryIdentityProviderAway", "InfirmaryNobodyLetIn"), width=12,
    ),
    Panel(
        "Provider not reached for",
        "How long the provider's keys could not be fetched. Those that are known go on.",
        Kind.LINES, Unit.SECONDS, Limits(1, 600),
        (Query("time() - min by (service, pod) "
               f"({ours('infirmary_identity_keys_failing_timestamp_seconds')} > 0)", "{{service}} {{pod}}"),),
        nothing="The provider answers, or nobody is asked who he is.",
        alerts=("InfirmaryIdentityProviderAway", "InfirmaryNobodyLetIn"), width=12,
    ),
)  # fmt: skip

_COPIES: Final = (
    Panel(
        "Copies' staleness, p99",
        "How old news is when it reaches a copy of another service's data.",
        Kind.LINES, Unit.SECONDS, Limits(1, 5),
        (Query(quantile(0.99, "infirmary_snapshot_staleness_seconds", "service, snapshot"),
               "{{service}} {{snapshot}}"),),
        alerts=("InfirmarySnapshotStale",), width=16,
    ),
    Panel(
        "Rebuild's progress",
        "How much of a read model that is made anew is there. Full: it is up to date.",
        Kind.BARS, Unit.SHARE, Limits(1, 0.5, below=True),
        (Query(f"min by (service, projection) ({ours('infirmary_projection_rebuild_ratio')})",
               "{{service}} {{projection}}", now=True),),
        alerts=("InfirmaryLogBehind",),
    ),
)  # fmt: skip

PAGE: Final = Dashboard(
    APIS,
    "Infirmary: APIs and copies",
    "What clients ask for, what they are answered and how fast; whether copies of other services' data are fresh.",
    (
        Row("Rate, errors, duration", _RED),
        Row("Connections", _CONNECTIONS),
        Row("Who is let in", _IDENTITY),
        Row("Copies", _COPIES),
    ),
)
