"""The home: is anything stuck, which, since when, and where to go on."""

from typing import Final

from dashboards.model import APIS, HOME, READERS, RELAY, SAGAS, Dashboard, Kind, Limits, Panel, Query, Row, Unit
from dashboards.selecting import OVER, age, behind, of_logs, ours, quantile, rate, share, worst

_ALERT: Final = 'alertname=~"Infirmary.+",alertname!="InfirmaryWatchdog"'
_FIRING: Final = ours("ALERTS", _ALERT, 'alertstate="firing"')
_END_TO_END: Final = "infirmary_message_end_to_end_seconds"
_NOBODY: Final = "nobody"
_PARKED_MESSAGES: Final = ours("infirmary_messages_held", 'state="parked"')
_PARKED_SAGAS: Final = ours("infirmary_sagas", 'status="parked"')
_UNDER_WAY: Final = age("infirmary_saga_oldest_timestamp_seconds", "saga", 'status=~"running|compensating"')
_UP: Final = ours("up", 'role=~".+"')
_REQUESTS: Final = "http_server_request_duration_seconds_count"
_FAILED: Final = rate(_REQUESTS, "service", 'http_response_status_code=~"5.."')

_NOT_READY: Final = " or ".join(
    f"sum by (service, role, reason) ({ours(metric)} == 1)"
    for metric in ("infirmary_not_ready", "outbox_relay_not_ready")
)
_WRITTEN: Final = ours(f"{_END_TO_END}_count")
_FAST: Final = ours(f"{_END_TO_END}_bucket", 'le="1.0"')
_IN_30_DAYS: Final = f"sum(increase({_WRITTEN}[30d]))"
_IN_TIME: Final = f"sum(increase({_FAST}[30d]))"

_NOW: Final = (
    Panel(
        "Alerts firing",
        "How many of Infirmary's alerts fire now. 0: nothing is known to be stuck. The table below names them.",
        Kind.STAT, Unit.COUNT, Limits(1, 5),
        (Query(f"count({_FIRING}) or vector(0)", "firing"),),
        width=6, height=5,
    ),
    Panel(
        "Oldest message waiting in an outbox",
        "A change was committed so long ago and is not in the broker yet; the service whose outbox it is.",
        Kind.STAT, Unit.SECONDS, Limits(1, 30),
        (Query(worst(age("outbox_relay_oldest_timestamp_seconds", "service"), "service", _NOBODY), "{{service}}",
               now=True),),
        look=(RELAY,), alerts=("InfirmaryOutboxStuck", "InfirmaryOutboxUnmeasured"), width=6, height=5,
    ),
    Panel(
        "Reader furthest behind",
        "For so long a service has not read a log to its end. A minute or more: it is away, stuck or too slow.",
        Kind.STAT, Unit.SECONDS, Limits(15, 60),
        (Query(worst(behind(), "service", _NOBODY), "{{service}} {{log}}", now=True),),
        look=(READERS,), alerts=("InfirmaryLogBehind", "InfirmaryLogWithoutReader"), width=6, height=5,
    ),
    Panel(
        "Oldest saga under way",
        "The admission, dispensing or undoing of one that has gone on for longest. Seconds are usual, minutes are not.",
        Kind.STAT, Unit.SECONDS, Limits(60, 300),
        (Query(worst(_UNDER_WAY, "saga", "none"), "{{saga}}", now=True),),
        look=(SAGAS,), alerts=("InfirmarySagaSlow", "InfirmaryCompensationSlow"), width=6, height=5,
    ),
    Panel(
        "Parked messages",
        "Messages that could not be applied and wait for what they need, or for you.",
        Kind.STAT, Unit.COUNT, Limits(1, 10),
        (Query(f"sum({_PARKED_MESSAGES}) or vector(0)", "parked"),),
        look=(READERS,), alerts=("InfirmaryMessagesHeld", "InfirmaryMessageParkedLong"), width=6, height=5,
    ),
    Panel(
        "Parked sagas",
        "Sagas that cannot go on by themselves. Each waits for an operator.",
        Kind.STAT, Unit.COUNT, Limits(1, 5),
        (Query(f"sum({_PARKED_SAGAS}) or vector(0)", "parked"),),
        look=(SAGAS,), alerts=("InfirmarySagaParked",), width=6, height=5,
    ),
    Panel(
        "Messages missing",
        "Messages that a log does not hold although later ones of their subject came, as the auditor counts them, and "
        "as consumers do. Must be 0.",
        Kind.STAT, Unit.COUNT, Limits(None, 1),
        (Query(f"max({of_logs('infirmary_log_missing')})", "in a log"),
         Query(f"max({ours('infirmary_messages_missing')})", "for a reader")),
        look=(READERS,),
        alerts=("InfirmaryLogMissing", "InfirmaryMessagesMissing", "InfirmaryAuditorAway", "InfirmaryAuditorBehind",
                "InfirmaryAuditorBlind"),
        width=6, height=5,
    ),
    Panel(
        "Processes that are not ready",
        "How many processes cannot do their work now, and why. Empty: all can.",
        Kind.STAT, Unit.COUNT, Limits(1, 3),
        (Query(_NOT_READY, "{{service}} {{role}}: {{reason}}", now=True),),
        nothing="All of them are ready.",
        look=(RELAY, READERS, APIS),
        alerts=("InfirmaryRelayNotReady", "InfirmaryConsumerNotReady", "InfirmaryApiNotReady"), width=6, height=5,
    ),
)  # fmt: skip

_WHICH: Final = (
    Panel(
        "What fires, and since when",
        "Each alert that fires, whom it concerns, and when its fault was first seen. A click leads to its runbook.",
        Kind.TABLE, Unit.SINCE, Limits(None, None),
        (Query(f"1000 * ({ours('ALERTS_FOR_STATE', _ALERT)} and ignoring (alertstate) {_FIRING})", now=True),),
        nothing="No alert fires.",
        width=16, height=6,
    ),
    Panel(
        "Processes up by role",
        "Processes that Prometheus reaches. Fewer than a moment ago: something died and is not back yet.",
        Kind.STAT, Unit.COUNT, Limits(None, 1, below=True),
        (Query(f"sum by (role) ({_UP})", "{{role}}"),),
        alerts=("InfirmaryRelayAway", "InfirmaryConsumerAway", "InfirmaryApiAway", "InfirmaryHospitalAway",
                "InfirmaryProcessFlaps", "InfirmaryProcessSilent"),
        height=6,
    ),
)  # fmt: skip

_WHO_WAITS: Final = (
    Panel(
        "Written to applied, all readers",
        "From the writer's commit to the effect at a reader. Colour above a second: somebody waits.",
        Kind.HEATMAP, Unit.SECONDS, Limits(1, 10),
        (Query(f"sum by (le) (increase({ours(f'{_END_TO_END}_bucket')}{OVER}))", "{{le}}"),),
        look=(READERS,), alerts=("InfirmaryFreshnessBudgetBurnsFast",),
    ),
    Panel(
        "Written to applied by reader",
        "The same by service: half of its messages are faster than p50, one in a hundred is slower than p99.",
        Kind.LINES, Unit.SECONDS, Limits(1, 10),
        (Query(quantile(0.99, _END_TO_END, "service"), "{{service}} p99"),
         Query(quantile(0.5, _END_TO_END, "service"), "{{service}} p50")),
        look=(READERS,), alerts=("InfirmaryLogBehind",),
    ),
    Panel(
        "Messages applied by service",
        "How much each service takes in. Nothing at a busy hour: it is stuck. Amber: near what one reader can take.",
        Kind.LINES, Unit.MESSAGES_PER_SECOND, Limits(2000, 5000),
        (Query(rate("infirmary_messages_applied_total", "service"), "{{service}}"),),
        look=(READERS,), alerts=("InfirmaryChannelStalled",),
    ),
)  # fmt: skip

_PROMISE: Final = (
    Panel(
        "Freshness budget left in 30 days",
        "99.9 % of messages are to be applied within a second of their commit. What is left of the 0.1 % that may be "
        "late; below 0 the promise is broken.",
        Kind.GAUGE, Unit.SHARE, Limits(0.5, 0, below=True),
        (Query(f"1 - ({_IN_30_DAYS} - {_IN_TIME}) / (0.001 * {_IN_30_DAYS})", "left"),),
        alerts=("InfirmaryFreshnessBudgetBurnsFast", "InfirmaryFreshnessBudgetBurnsSlowly"),
    ),
    Panel(
        "Requests that fail",
        "The share of requests that the APIs answer with 5xx: what a client sees of trouble.",
        Kind.LINES, Unit.SHARE, Limits(0.01, 0.05),
        (Query(share(_FAILED, rate(_REQUESTS, "service")), "{{service}}"),),
        look=(APIS,), alerts=("InfirmaryRequestsFail",),
    ),
    Panel(
        "Versions that run",
        "How many processes run which version. Two at once: a release is under way, or has stopped half way.",
        Kind.STAT, Unit.COUNT, Limits(None, 1, below=True),
        (Query(f"count by (version) ({ours('infirmary_build_info')} or {ours('outbox_relay_build_info')})",
               "{{version}}", now=True),),
        alerts=("InfirmaryVersionsDiffer",),
    ),
)  # fmt: skip

PAGE: Final = Dashboard(
    HOME,
    "Infirmary: is anything stuck?",
    "Which process, log, message or saga does not go on, since when, and where to read what to do.",
    (
        Row("Is anything stuck?", _NOW),
        Row("Which, and since when", _WHICH),
        Row("Who waits for whom", _WHO_WAITS),
        Row("What was promised", _PROMISE),
    ),
)
