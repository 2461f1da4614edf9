"""The relays: what waits in the outboxes, how it flows, what holds it back."""

from dataclasses import replace
from typing import Final

from dashboards.model import RELAY, Dashboard, Kind, Limits, Panel, Query, Row, Unit
from dashboards.selecting import age, ours, quantile, rate, silence

_RELAY: Final = 'role="relay"'
_CONFIRMED: Final = rate("outbox_relay_confirmed_total", "service")

_OLDEST: Final = Panel(
    "Oldest message's age",
    "For how long the oldest message of each outbox has waited. A straight line upwards is stuck.",
    Kind.LINES, Unit.SECONDS, Limits(5, 30),
    (Query(age("outbox_relay_oldest_timestamp_seconds", "service"), "{{service}}"),),
    nothing="No outbox holds a message at this moment.",
    alerts=("InfirmaryOutboxStuck",), width=12,
)  # fmt: skip
_WAITING: Final = Panel(
    "Messages waiting",
    "How many messages wait in each outbox; counted up to 10,000.",
    Kind.LINES, Unit.COUNT, Limits(1000, 10000),
    (Query(f"max by (service) ({ours('outbox_relay_waiting_messages')})", "{{service}}"),),
    alerts=("InfirmaryOutboxStuck",),
)  # fmt: skip
_CONFIRMS: Final = Panel(
    "Confirmed",
    "Messages that the broker has confirmed. Amber: half of what one relay can do on two cores.",
    Kind.LINES, Unit.MESSAGES_PER_SECOND, Limits(20000, 40000),
    (Query(_CONFIRMED, "{{service}}"),),
    alerts=("InfirmaryRelayNotConfirming",),
)  # fmt: skip
_NOT_READY: Final = Panel(
    "Not ready, by reason",
    "Why a relay cannot do its work, for as long as it cannot.",
    Kind.STATES, Unit.YES_OR_NO, Limits(None, 1),
    (Query(f"max by (service, reason) ({ours('outbox_relay_not_ready')}) == 1", "{{service}}: {{reason}}"),),
    nothing="Every relay is ready.",
    alerts=("InfirmaryRelayNotReady", "InfirmaryDatabaseSetBack"),
)  # fmt: skip

_BACKLOG: Final = (
    _OLDEST,
    Panel(
        "Measured ago",
        "When each relay has last looked how much waits. Older than half a minute: the two panels beside it are not to "
        "be believed.",
        Kind.LINES, Unit.SECONDS, Limits(15, 30),
        (Query(silence("outbox_relay_measured_timestamp_seconds", "service"), "{{service}}"),),
        alerts=("InfirmaryOutboxUnmeasured",), width=12,
    ),
    _WAITING,
    Panel(
        "In flight",
        "Messages written to the broker and not confirmed yet. Always the same, above 0: the broker does not confirm.",
        Kind.LINES, Unit.COUNT, Limits(900, 1000),
        (Query(f"sum by (service) ({ours('outbox_relay_in_flight')})", "{{service}}"),),
        alerts=("InfirmaryRelayNotConfirming",),
    ),
    Panel(
        "Stalled since",
        "For how long a relay could have published and nothing was confirmed.",
        Kind.LINES, Unit.SECONDS, Limits(60, 300),
        (Query(age("outbox_relay_stalled_since_timestamp_seconds", "service"), "{{service}}"),),
        nothing="No relay is stalled.",
        alerts=("InfirmaryRelayStalled",),
    ),
)  # fmt: skip

_FLOW: Final = (
    _CONFIRMS,
    Panel(
        "Repeated or unconfirmed share",
        "The share of what was published that was not confirmed: sent again after a loss, returned or refused.",
        Kind.LINES, Unit.SHARE, Limits(0.01, 0.1),
        (Query(f"1 - {_CONFIRMED} / {rate('outbox_relay_published_total', 'service')}", "{{service}}"),),
        alerts=("InfirmaryRelayNotConfirming",),
    ),
    Panel(
        "Last confirm ago",
        "When the broker has last confirmed something of each relay. A night without work makes it long, too.",
        Kind.LINES, Unit.SECONDS, Limits(300, 3600),
        (Query(silence("outbox_relay_confirmed_timestamp_seconds", "service"), "{{service}}"),),
        alerts=("InfirmaryRelayNotConfirming",),
    ),
    Panel(
        "Commit to confirm",
        "From a message's commit to the broker's confirm, for the oldest message of each window.",
        Kind.LINES, Unit.SECONDS, Limits(0.5, 5),
        (Query(quantile(0.99, "outbox_relay_delivery_seconds", "service"), "{{service}} p99"),
         Query(quantile(0.5, "outbox_relay_delivery_seconds", "service"), "{{service}} p50")),
        alerts=("InfirmaryOutboxStuck",),
    ),
    Panel(
        "Write to confirm, p99",
        "How long the broker takes to confirm a window. Long: its disk is slow, or it has too much to do.",
        Kind.LINES, Unit.SECONDS, Limits(0.25, 2.5),
        (Query(quantile(0.99, "outbox_relay_confirm_seconds", "service"), "{{service}}"),),
        alerts=("InfirmaryBrokerTakesNothing",),
    ),
    Panel(
        "Messages in a batch, p95",
        "How full the windows are. At 500 the relay takes as many as it may, and more wait.",
        Kind.LINES, Unit.COUNT, Limits(400, 500),
        (Query(quantile(0.95, "outbox_relay_batch_messages", "service"), "{{service}}"),),
    ),
)  # fmt: skip

_TROUBLE: Final = (
    _NOT_READY,
    Panel(
        "Returned and refused",
        "Messages that no queue or log took, and that a queue refused. They stay in the outbox and are sent again.",
        Kind.LINES, Unit.MESSAGES_PER_SECOND, Limits(0.01, 1),
        (Query(f"{rate('outbox_relay_returned_total', 'service')} + {rate('outbox_relay_refused_total', 'service')}",
               "{{service}}"),),
        alerts=("InfirmaryTargetHeldBack",),
    ),
    Panel(
        "Held back by kind",
        "Targets and subjects whose messages wait because one of them was returned or refused.",
        Kind.LINES, Unit.COUNT, Limits(1, 10),
        (Query(f"max by (service, kind) ({ours('outbox_relay_blocked')})", "{{service}} {{kind}}"),),
        alerts=("InfirmaryTargetHeldBack",),
    ),
    Panel(
        "The broker takes nothing",
        "Red while RabbitMQ has told the relay to wait: its memory or its disk is short.",
        Kind.STATES, Unit.YES_OR_NO, Limits(None, 1),
        (Query(f"max by (service) ({ours('outbox_relay_broker_blocked')})", "{{service}}"),),
        alerts=("InfirmaryBrokerTakesNothing", "InfirmaryBrokerAlarm"),
    ),
    Panel(
        "Connections lost",
        "Connections lost and attempts that failed, to the service's database (source) and to the broker.",
        Kind.LINES, Unit.PER_SECOND, Limits(0.01, 0.2),
        (Query(rate("outbox_relay_errors_total", "service, server"), "{{service}} {{server}}"),),
        alerts=("InfirmaryBrokerAway", "InfirmaryRelayNotReady"),
    ),
    Panel(
        "Loop's last turn ago",
        "When each relay's loop has last gone round. It goes round ten times a second even when nothing waits.",
        Kind.LINES, Unit.SECONDS, Limits(15, 30),
        (Query(f"time() - (min by (service, pod) ({ours('outbox_relay_turned_timestamp_seconds')}) > 0)",
               "{{service}} {{pod}}"),),
        alerts=("InfirmaryLoopHangs", "InfirmaryRelayNotReady"),
    ),
)  # fmt: skip

_OWNERSHIP: Final = (
    Panel(
        "Partitions by pod",
        "Who looks after which share of an outbox. A service's pods together must have 64; fewer: nobody sends part of "
        "its messages.",
        Kind.LINES, Unit.COUNT, Limits(None, 64, below=True),
        (Query(f"sum by (service, pod) ({ours('outbox_relay_partitions_owned')})", "{{service}} {{pod}}"),),
        alerts=("InfirmaryPartitionsUnowned",), width=12, stacked=True,
    ),
    Panel(
        "Floor held by a long writer",
        "For how long one open transaction has kept everything that was written after it from being published.",
        Kind.LINES, Unit.SECONDS, Limits(10, 60),
        (Query(f"max by (service) ({ours('outbox_relay_floor_held_seconds')})", "{{service}}"),),
        alerts=("InfirmaryFloorHeld",), width=12,
    ),
)  # fmt: skip

_COST: Final = (
    Panel(
        "Processor time per message",
        "What one message costs a relay. With little to do it is the price of looking; at full speed 3 to 4 us.",
        Kind.LINES, Unit.MICROSECONDS, Limits(10000, 100000),
        (Query(f"1e6 * {rate('process_cpu_seconds_total', 'service', _RELAY)} / ({_CONFIRMED} > 0)", "{{service}}"),),
        width=12,
    ),
    Panel(
        "Memory",
        "What each relay keeps in memory. Its container may have 256 MiB.",
        Kind.LINES, Unit.BYTES, Limits(192 * 2**20, 256 * 2**20),
        (Query(f"max by (service, pod) ({ours('process_resident_memory_bytes', _RELAY)})", "{{service}} {{pod}}"),),
        alerts=("InfirmaryProcessFlaps",), width=12,
    ),
)  # fmt: skip

_ESSENCE: Final = tuple(replace(panel, width=12) for panel in (_OLDEST, _NOT_READY, _WAITING, _CONFIRMS))

PAGE: Final = Dashboard(
    RELAY,
    "Infirmary: relay",
    "What was committed and is not in the broker yet: how much, since when, and what holds it back.",
    (
        Row("Backlog", _BACKLOG),
        Row("Flow", _FLOW),
        Row("Trouble", _TROUBLE),
        Row("Ownership", _OWNERSHIP),
        Row("Cost", _COST),
        Row("Only $service", _ESSENCE, for_each_service=True),
    ),
)
