"""The orchestrated sagas: which are under way, how long they take, where they fail."""

from typing import Final

from dashboards.model import SAGAS, Dashboard, Kind, Limits, Panel, Query, Row, Unit
from dashboards.selecting import OVER, age, ours, quantile, rate

_ENDED: Final = "infirmary_sagas_ended_total"
_FAILED: Final = ours(_ENDED, 'outcome="failed"')
_PARKED: Final = ours("infirmary_sagas", 'status="parked"')
_OPEN: Final = 'status=~"running|compensating|parked"'

_NOW: Final = (
    Panel(
        "Parked",
        "Sagas that cannot go on by themselves. Each waits for an operator.",
        Kind.STAT, Unit.COUNT, Limits(None, 1),
        (Query(f"sum by (saga) ({_PARKED})", "{{saga}}"),),
        alerts=("InfirmarySagaParked",), width=6,
    ),
    Panel(
        "By status",
        "How many sagas there are of each status.",
        Kind.STAT, Unit.COUNT, Limits(None, None),
        (Query(f"sum by (saga, status) ({ours('infirmary_sagas')})", "{{saga}} {{status}}"),),
        width=9,
    ),
    Panel(
        "Oldest under way",
        "For how long the oldest saga of each status has gone on.",
        Kind.LINES, Unit.SECONDS, Limits(60, 300),
        (Query(age("infirmary_saga_oldest_timestamp_seconds", "saga, status", _OPEN), "{{saga}} {{status}}"),),
        nothing="No saga is under way at this moment.",
        alerts=("InfirmarySagaSlow", "InfirmaryCompensationSlow", "InfirmarySagaParked"), width=9,
    ),
)  # fmt: skip

_VERSIONS: Final = (
    Panel(
        "Under way, by version",
        "By which version of their declaration sagas go. An old one may be retired when no saga goes by it any more; "
        "`unknown` is what no pod can carry on.",
        Kind.LINES, Unit.COUNT, Limits(None, None),
        (Query(f"min by (saga, version) ({ours('infirmary_sagas_under_way')})", "{{saga}} {{version}}"),),
        alerts=("InfirmarySagaVersionUnknown",), width=24,
    ),
)  # fmt: skip

_FLOW: Final = (
    Panel(
        "Started and ended",
        "Sagas that begin, and that end, by outcome. More begin than end: something is stuck.",
        Kind.LINES, Unit.PER_SECOND, Limits(10, 25),
        (Query(rate("infirmary_sagas_started_total", "saga"), "{{saga}} started"),
         Query(rate(_ENDED, "saga, outcome"), "{{saga}} {{outcome}}")),
        alerts=("InfirmarySagaSlow",), width=12,
    ),
    Panel(
        "Failed share in an hour",
        "Of the sagas that ended, the share that was turned back. A full ward or a credit hold does that, too.",
        Kind.LINES, Unit.SHARE, Limits(0.25, 0.75),
        (Query(f"sum by (saga) (rate({_FAILED}[1h])) / sum by (saga) (rate({ours(_ENDED)}[1h]))", "{{saga}}"),),
        alerts=("InfirmarySagaParked",), width=12,
    ),
    Panel(
        "Duration",
        "How long sagas take from their beginning to their end.",
        Kind.HEATMAP, Unit.SECONDS, Limits(60, 300),
        (Query(f"sum by (le) (increase({ours('infirmary_saga_duration_seconds_bucket')}{OVER}))", "{{le}}"),),
        alerts=("InfirmarySagaSlow",), width=12,
    ),
    Panel(
        "Duration by outcome, p99",
        "The same by saga and outcome: one in a hundred takes longer.",
        Kind.LINES, Unit.SECONDS, Limits(60, 300),
        (Query(quantile(0.99, "infirmary_saga_duration_seconds", "saga, outcome"), "{{saga}} {{outcome}}"),),
        alerts=("InfirmarySagaSlow", "InfirmaryCompensationSlow"), width=12,
    ),
)  # fmt: skip

_STEPS: Final = (
    Panel(
        "Attempts by step and cause",
        "How often each step is asked for, and why: for the first time, since nobody answered, after a refusal, by an "
        "operator.",
        Kind.LINES, Unit.PER_SECOND, Limits(10, 25),
        (Query(rate("infirmary_saga_step_attempts_total", "saga, step, cause"), "{{saga}} {{step}} {{cause}}"),),
        alerts=("InfirmarySagaStepsTimeOut",),
    ),
    Panel(
        "Step's round trip, p99",
        "From the command to its reply. A step that takes long names the service that is slow.",
        Kind.LINES, Unit.SECONDS, Limits(1, 10),
        (Query(quantile(0.99, "infirmary_saga_step_seconds", "saga, step"), "{{saga}} {{step}}"),),
        alerts=("InfirmarySagaSlow",),
    ),
    Panel(
        "Time-outs by step",
        "Steps that are asked for again because nobody answered in time.",
        Kind.LINES, Unit.PER_SECOND, Limits(0.01, 0.1),
        (Query(rate("infirmary_saga_timeouts_total", "service, saga, step"), "{{saga}} {{step}}"),),
        alerts=("InfirmarySagaStepsTimeOut",),
    ),
)  # fmt: skip

PAGE: Final = Dashboard(
    SAGAS,
    "Infirmary: sagas",
    "Which sagas are under way, since when, how they end, and which step keeps them.",
    (Row("Now", _NOW), Row("Flow", _FLOW), Row("Steps", _STEPS), Row("Versions", _VERSIONS)),
)
