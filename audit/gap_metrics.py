"""What the auditor of gaps shows. Every series is there from the start."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from audit.broker import Unreadable
from audit.log_gaps import LogGaps

MISSING = Gauge("infirmary_log_missing", "Sequences that a log does not hold although later ones came.", ["source"])
SUBJECTS = Gauge("infirmary_log_subjects", "Subjects that were seen in a log.", ["source"])
REPEATED = Counter("infirmary_log_repeated_total", "Events that came to a log again.", ["source"])
EARLY = Counter("infirmary_log_early_total", "Events that came to a log before one that they follow.", ["source"])
UNNUMBERED = Counter("infirmary_log_unnumbered_total", "Messages in a log that are no numbered event.", ["source"])
BROKER = Gauge("infirmary_gap_auditor_connected", "Whether the logs can be read now.")
BEHIND = Gauge("infirmary_gap_auditor_lag_messages", "Messages of a log still to be read, at least.", ["source"])
CAUGHT_UP = Gauge("infirmary_gap_auditor_caught_up_timestamp_seconds", "When all logs were last read to their ends.")
UNREAD = Gauge("infirmary_gap_auditor_unread", "Whether a log is not looked at, and why.", ["source", "reason"])


def show_from_the_start(publishers: Iterable[str]) -> None:
    """Makes the series of all logs."""
    for publisher in publishers:
        for metric in (MISSING, SUBJECTS, REPEATED, EARLY, UNNUMBERED, BEHIND):
            metric.labels(publisher)
        show_unread(publisher, None)


def show_unread(publisher: str, reason: Unreadable | None) -> None:
    """Shows why a log is not looked at; None when it is."""
    for each in Unreadable:
        UNREAD.labels(publisher, each.value).set(each is reason)


class LogCounts:
    """Shows what is known of one log."""

    def __init__(self, log: LogGaps) -> None:
        self._log = log
        self._shown = (0, 0, 0)

    def show(self) -> None:
        """Brings the metrics up to date."""
        log = self._log
        MISSING.labels(log.publisher).set(log.missing)
        SUBJECTS.labels(log.publisher).set(log.subjects)
        now = (log.repeated, log.early, log.unnumbered)
        for metric, before, count in zip((REPEATED, EARLY, UNNUMBERED), self._shown, now, strict=True):
            metric.labels(log.publisher).inc(count - before)
        self._shown = now
