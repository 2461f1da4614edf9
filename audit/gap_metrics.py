"""What the auditor of gaps shows. Every series is there from the start."""

from collections.abc import Collection, Iterable
from enum import StrEnum
from platform import python_version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from audit import __version__
from audit.broker import Unreadable
from audit.log_gaps import LogGaps

disable_created_metrics()  # type: ignore[no-untyped-call]
registry = CollectorRegistry()
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)


class Reason(StrEnum):
    """Why not everything can be looked at."""

    STARTING = "starting"
    BROKER_AWAY = "broker_away"
    LOG_UNREADABLE = "log_unreadable"
    LOOP_HANGS = "loop_hangs"


def _gauge(name: str, help_text: str, *labels: str) -> Gauge:
    return Gauge(f"infirmary_{name}", help_text, labels, registry=registry)


def _counter(name: str, help_text: str) -> Counter:
    return Counter(f"infirmary_{name}", help_text, ["source"], registry=registry)


BUILD = _gauge(
    "build_info",
    "Which version runs? Always 1; the labels tell the version of the code and that of Python.",
    "version",
    "python",
)
READY = _gauge("ready", "Can all logs be looked at? 1 while /readyz answers 200, otherwise 0.")
NOT_READY = _gauge(
    "not_ready", "Why cannot all logs be looked at? 1 for each reason that holds now, 0 for the others.", "reason"
)
MISSING = _gauge(
    "log_missing",
    "Has a message been lost? Sequences that the log does not hold although later ones of their subjects came; "
    "0 when none is missing, and for a moment more while a relay sends a batch again.",
    "source",
)
SUBJECTS = _gauge("log_subjects", "How much has the auditor seen? Subjects that were seen in the log.", "source")
REPEATED = _counter(
    "log_repeated", "How often are messages sent again? Messages that came to the log again; readers drop them."
)
EARLY = _counter(
    "log_early", "Does the order of a subject hold? Messages that came to the log before one that they follow."
)
UNNUMBERED = _counter(
    "log_unnumbered", "Does anything else write to the log? Messages in it that are no numbered ones of its writer."
)
CONNECTED = _gauge(
    "gap_auditor_connected",
    "Does the auditor watch? 1 while it reads the logs, 0 while the broker is away or the auditor hangs.",
)
BEHIND = _gauge(
    "gap_auditor_lag_messages",
    "Is what the auditor says of today? Messages of the log that it has still to read, at least.",
    "source",
)
CAUGHT_UP = _gauge(
    "gap_auditor_caught_up_timestamp_seconds",
    "Since when is the auditor behind? When all logs that can be read were last read to their ends, in unix time; "
    "0 before the first time.",
)
UNREAD = _gauge(
    "gap_auditor_unread",
    "Which log is not looked at, and why? 1 for the reason, 0 for the others; `missing` is a log of nothing yet.",
    "source",
    "reason",
)


def show_from_the_start(stems: Iterable[str]) -> None:
    """Makes the series of all logs; the label `source` is a log's stem."""
    BUILD.labels(__version__, python_version()).set(1)
    show_ready((Reason.STARTING,))
    for stem in stems:
        for metric in (MISSING, SUBJECTS, REPEATED, EARLY, UNNUMBERED, BEHIND):
            metric.labels(stem)
        show_unread(stem, None)


def show_ready(reasons: Collection[Reason]) -> None:
    """Shows why not everything can be looked at; no reason when it can."""
    READY.set(not reasons)
    for each in Reason:
        NOT_READY.labels(each.value).set(each in reasons)
    if Reason.LOOP_HANGS in reasons:
        CONNECTED.set(0)


def show_unread(stem: str, reason: Unreadable | None) -> None:
    """Shows why a log is not looked at; None when it is."""
    for each in Unreadable:
        UNREAD.labels(stem, each.value).set(each is reason)


class LogCounts:
    """Shows what is known of one log."""

    def __init__(self, log: LogGaps) -> None:
        self._log = log
        self._shown = (0, 0, 0)

    def show(self) -> None:
        """Brings the metrics up to date."""
        log = self._log
        MISSING.labels(log.stem).set(log.missing)
        SUBJECTS.labels(log.stem).set(log.subjects)
        now = (log.repeated, log.early, log.unnumbered)
        for metric, before, count in zip((REPEATED, EARLY, UNNUMBERED), self._shown, now, strict=True):
            metric.labels(log.stem).inc(count - before)
        self._shown = now
