"""What the relay tells a monitoring system about itself; every series is there from the start."""

from collections.abc import Iterable
from platform import python_version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    PlatformCollector,
    ProcessCollector,
)

from infirmary_relay import __version__
from infirmary_relay.backoff import Kind
from infirmary_relay.problem import Reason

SOURCE, BROKER = "source", "broker"
"""The servers that a relay is connected to."""


class _Registry(CollectorRegistry):
    """Shows no `_created` series; the client's own switch for that is one for the whole process."""

    def collect(self) -> Iterable[Metric]:
        """Gives the metrics as they are now."""
        for family in super().collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


registry = _Registry()
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)

_build_info = Gauge(
    "outbox_relay_build_info",
    "Which release of the relay runs? Always 1; its version and Python's are the labels.",
    ["version", "python"],
    registry=registry,
)
ready = Gauge(
    "outbox_relay_ready",
    "Can the relay deliver everything? 1 when it can, as /readyz says; 0 when anything is in its way.",
    registry=registry,
)
not_ready = Gauge(
    "outbox_relay_not_ready",
    "Why can the relay not deliver everything? 1 for each reason that holds now, 0 for the others.",
    ["reason"],
    registry=registry,
)
iterations = Counter("outbox_relay_turns", "Does the loop run? Iterations of the loop so far.", registry=registry)
iterated_at = Gauge(
    "outbox_relay_turned_timestamp_seconds",
    "Does the loop hang? When its last iteration ended, in unix time, noted twice a second; 0 before the first.",
    registry=registry,
)
published = Counter(
    "outbox_relay_published",
    "How many messages does the relay send? Messages written to the broker, those that are sent again included.",
    registry=registry,
)
confirmed = Counter(
    "outbox_relay_confirmed", "How many messages arrive? Messages that the broker has confirmed.", registry=registry
)
spans_dropped = Counter(
    "outbox_relay_spans_dropped",
    "Are traces whole? Spans of the relay that were dropped, because too many waited or the store of traces took none;"
    " 0 without an exporter.",
    registry=registry,
)
confirmed_at = Gauge(
    "outbox_relay_confirmed_timestamp_seconds",
    "When did a message last arrive? When the broker last confirmed one, in unix time; 0 when it has confirmed none.",
    registry=registry,
)
returned = Counter(
    "outbox_relay_returned",
    "Do targets lack? Messages that no queue or log took; they stay in the outbox and are sent again.",
    registry=registry,
)
refused = Counter(
    "outbox_relay_refused",
    "Is anything not wanted? Messages that their queue refused or that cannot be sent, each try counted.",
    registry=registry,
)
connections = Counter(
    "outbox_relay_connections",
    "Does a connection come and go? Connections opened to a server, the first included.",
    ["server"],
    registry=registry,
)
errors = Counter(
    "outbox_relay_errors",
    "Does a server fail? Connections to it that were lost, and attempts to connect that failed.",
    ["server"],
    registry=registry,
)
in_flight = Gauge(
    "outbox_relay_in_flight",
    "Does the broker owe confirms? Messages published of which it is not known what became of them.",
    registry=registry,
)
partitions = Gauge(
    "outbox_relay_partitions_owned",
    "Whose is which part of the outbox? How many of the 64 partitions this relay owns; all relays together own 64.",
    registry=registry,
)
blocked = Gauge(
    "outbox_relay_blocked",
    "Is anything held back? How many targets, and how many subjects, are held back or on trial after that.",
    ["kind"],
    registry=registry,
)
broker_blocked = Gauge(
    "outbox_relay_broker_blocked",
    "Does the broker take messages? 1 while it takes none, for want of memory or disk; 0 when it does.",
    registry=registry,
)
waiting = Gauge(
    "outbox_relay_waiting_messages",
    "How much waits in the outbox? Messages (MongoDB: documents with messages), counted up to 10,000, every 5 s.",
    registry=registry,
)
oldest = Gauge(
    "outbox_relay_oldest_timestamp_seconds",
    "Is the outbox stuck? When the oldest message that waits was written, in unix time; 0 when none waits.",
    registry=registry,
)
measured = Gauge(
    "outbox_relay_measured_timestamp_seconds",
    "Is what is told of the outbox true? When it was last measured, in unix time; 0 before the first time.",
    registry=registry,
)
floor_held = Gauge(
    "outbox_relay_floor_held_seconds",
    "Does a long transaction slow the relay down? For how many seconds, up to this scrape, one that has written to the "
    "outbox has been open, and so holds the floor, above which dead rows are read again and again; "
    "0 when none is open for more than 5 s, and with MongoDB.",
    registry=registry,
)
stalled_since = Gauge(
    "outbox_relay_stalled_since_timestamp_seconds",
    "Is the relay alive and gets nowhere? Since when messages could be delivered and the broker has confirmed none, "
    "in unix time, once that has lasted for RELAY_STALLED_AFTER_S; 0 when it goes on.",
    registry=registry,
)
set_back = Gauge(
    "outbox_relay_set_back",
    "Was the database set back to an earlier moment? 1 while the logs hold messages that it does not know, so that "
    "nothing is published; 0 when it knows all that they end with.",
    registry=registry,
)
delivery = Histogram(
    "outbox_relay_delivery_seconds",
    "How long does a message wait for its delivery? Seconds from the writing of a row to its confirm, "
    "of the oldest message of each batch.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300),
    registry=registry,
)
confirm = Histogram(
    "outbox_relay_confirm_seconds",
    "Is the broker slow? Seconds from writing a batch to the broker to its last confirm.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=registry,
)
batch = Histogram(
    "outbox_relay_batch_messages",
    "Does the relay send in batches? Messages that were published together.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000),
    registry=registry,
)


def show_from_the_start() -> None:
    """Makes the series of all labels, as they are before the first iteration."""
    _build_info.labels(__version__, python_version()).set(1)
    for reason in Reason:
        not_ready.labels(reason.value).set(reason is Reason.STARTING)
    for kind in Kind:
        blocked.labels(kind.value)
    for server in (SOURCE, BROKER):
        connections.labels(server)
        errors.labels(server)
