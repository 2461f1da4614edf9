"""The auditor of gaps: reads all logs as long as it runs, and says of each source whether sequences are contiguous.

An independent witness beside each consumer's own counter: it stores nothing, stands on no service's code, and starts
at the first message of each log. `infirmary_log_missing` stays at zero; it may be above for a moment while a relay
repeats a window that was returned in part, or while a part of a split log is read before the one that its subjects
came from. A log that was deleted and declared again needs a new auditor.
"""

import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import click
from prometheus_client import Counter, Gauge, start_http_server

from audit.facts import PUBLISHERS, LogMessage
from audit.logs import LogTail

MISSING = Gauge("infirmary_log_missing", "Sequences that a log does not hold although later ones came.", ["source"])
SUBJECTS = Gauge("infirmary_log_subjects", "Subjects that were seen in a log.", ["source"])
REPEATED = Counter("infirmary_log_repeated_total", "Events that came to a log again.", ["source"])
EARLY = Counter("infirmary_log_early_total", "Events that came to a log before one that they follow.", ["source"])
UNNUMBERED = Counter("infirmary_log_unnumbered_total", "Messages in a log that are no numbered event.", ["source"])
BROKER = Gauge("infirmary_gap_auditor_connected", "Whether the logs can be read now.")


@dataclass(slots=True)
class _Subject:
    """How far a subject's sequence is whole, and what has come beyond that."""

    whole_to: int
    beyond: set[int] = field(default_factory=set)

    @property
    def missing(self) -> int:
        """How many are missing below the highest."""
        return max(self.beyond) - self.whole_to - len(self.beyond) if self.beyond else 0


@dataclass(slots=True)
class LogGaps:
    """What is missing in one log. Pure: it is told of each message in the log's order.

    Attributes:
        missing: How many sequences are missing now.
        repeated: How many events came again.
        early: How many came before one that they follow.
        unnumbered: How many messages carry no sequence.
    """

    publisher: str
    missing: int = 0
    repeated: int = 0
    early: int = 0
    unnumbered: int = 0
    _beginning_expired: bool = False
    _parts: set[int] = field(default_factory=set)
    _subjects: dict[str, _Subject] = field(default_factory=dict)

    @property
    def subjects(self) -> int:
        """How many subjects were seen."""
        return len(self._subjects)

    def note(self, message: LogMessage) -> None:
        """Takes in the next message."""
        if message.part not in self._parts:
            self._parts.add(message.part)
            self._beginning_expired = self._beginning_expired or message.offset > 0
        if message.sequence is None or message.source != self.publisher:
            self.unnumbered += 1
            return
        subject = self._subjects.get(message.subject)
        if subject is None:
            # Where retention has removed a log's beginning, a subject may start anywhere.
            subject = _Subject(message.sequence - 1 if self._beginning_expired else 0)
            self._subjects[message.subject] = subject
        before = subject.missing
        self._take(subject, message.sequence)
        self.missing += subject.missing - before

    def whose_are_missing(self) -> Mapping[str, Sequence[int]]:
        """Returns the missing sequences by subject."""
        return {
            name: sorted(set(range(subject.whole_to + 1, max(subject.beyond))) - subject.beyond)
            for name, subject in self._subjects.items()
            if subject.missing
        }

    def _take(self, subject: _Subject, sequence: int) -> None:
        if sequence <= subject.whole_to or sequence in subject.beyond:
            self.repeated += 1
            return
        if sequence > subject.whole_to + 1:
            self.early += 1
        subject.beyond.add(sequence)
        while subject.whole_to + 1 in subject.beyond:
            subject.whole_to += 1
            subject.beyond.remove(subject.whole_to)


class GapAuditor:
    """Follows all logs and keeps the metrics."""

    def __init__(self, rabbitmq_url: str) -> None:
        """Prepares the auditor.

        Args:
            rabbitmq_url: Of an account that may read all logs.
        """
        self.logs = {publisher: LogGaps(publisher) for publisher in PUBLISHERS}
        self._tail = LogTail(rabbitmq_url, on_message=self._note)
        self._stopping = threading.Event()
        for publisher in PUBLISHERS:
            MISSING.labels(publisher).set(0)

    def stop(self) -> None:
        """Ends `run`; may be called from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Reads until told to stop, whatever becomes of the broker."""
        while not self._stopping.is_set():
            connected = self._tail.read(0.2)
            BROKER.set(connected)
            if not connected:
                self._stopping.wait(1)
        self._tail.close()

    def _note(self, publisher: str, message: LogMessage) -> None:
        log = self.logs[publisher]
        repeated, early, unnumbered = log.repeated, log.early, log.unnumbered
        log.note(message)
        MISSING.labels(publisher).set(log.missing)
        SUBJECTS.labels(publisher).set(log.subjects)
        for metric, more in (
            (REPEATED, log.repeated - repeated),
            (EARLY, log.early - early),
            (UNNUMBERED, log.unnumbered - unnumbered),
        ):
            if more:
                metric.labels(publisher).inc(more)
        self._tail.messages[publisher].clear()


@click.command()
@click.option("--rabbitmq-url", envvar="RABBITMQ_URL", required=True, help="Of an account that may read all logs.")
@click.option("--host", envvar="METRICS_HOST", default="127.0.0.1", show_default=True, help="Where /metrics is served.")
@click.option("--port", envvar="METRICS_PORT", default=8399, show_default=True, help="Its port.")
def gaps(rabbitmq_url: str, host: str, port: int) -> None:
    """Read all logs without end, and say in a metric whether their sequences are contiguous."""
    auditor = GapAuditor(rabbitmq_url)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: auditor.stop())
    server, thread = start_http_server(port, host)
    try:
        auditor.run()
    finally:
        server.shutdown()
        thread.join()


if __name__ == "__main__":
    gaps()
