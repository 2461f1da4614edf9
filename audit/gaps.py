"""The auditor of gaps: reads all logs as long as it runs, and says of each log whether its sequences are contiguous.

It counts independently of each consumer's own counter: it stores nothing, stands on no service's code, and starts
at the first message of each log. `infirmary_log_missing` stays at zero; it may be above for a moment while a relay
repeats a window that was returned in part, or while a part of a split log is read before the one that its subjects
came from. A log that was deleted and declared again needs a new auditor. It needs memory for each subject that it has
seen, not for each message.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import click

from audit.addresses import services_in
from audit.broker import Unreadable
from audit.environment import of_services, read_environment
from audit.facts import LogMessage
from audit.gap_metrics import BEHIND, CAUGHT_UP, CONNECTED, LogCounts, Reason, show_from_the_start, show_unread
from audit.hospital import HOSPITAL
from audit.log_gaps import LogGaps
from audit.log_parts import name_of
from audit.logs import LogTail
from audit.probes import Probe, serve
from audit.reads import logs_of

_logger = logging.getLogger("audit.gaps")

READ_S = 0.2
PAUSE_S = 1.0


class GapAuditor:
    """Follows all logs and keeps the metrics."""

    def __init__(self, rabbitmq_url: str, stems: Iterable[str], ca_file: Path | None = None) -> None:
        """Prepares the auditor.

        Args:
            rabbitmq_url: Of an account that may read all logs.
            stems: The logs that are read; one that is not there is no trouble.
            ca_file: The certificates to trust for amqps, in place of the system's.
        """
        self.probe = Probe()
        self.logs = {stem: LogGaps(stem) for stem in stems}
        self._counts = {stem: LogCounts(log) for stem, log in self.logs.items()}
        self._tail = LogTail(rabbitmq_url, self.logs, on_message=self._note, ca_file=ca_file)
        self._stopping = threading.Event()
        self._told: dict[str, Unreadable] = {}
        show_from_the_start(self.logs)

    def stop(self) -> None:
        """Ends `run`; may be called from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Reads until told to stop, whatever becomes of the broker or of a log."""
        while not self._stopping.is_set():
            self.probe.turned()
            connected = self._tail.read(READ_S)
            self._show(connected)
            if not connected:
                self._stopping.wait(PAUSE_S)
        self._tail.close()

    def _show(self, connected: bool) -> None:
        CONNECTED.set(connected)
        for stem, counts in self._counts.items():
            counts.show()
            BEHIND.labels(stem).set(self._tail.behind(stem))
            show_unread(stem, self._tail.unreadable.get(stem))
        if connected and self._tail.is_at_the_end:
            CAUGHT_UP.set(time.time())
        unread: dict[str, Unreadable] = {
            name_of(stem, 0): why for stem, why in self._tail.unreadable.items() if why is not Unreadable.MISSING
        }
        troubles = [] if connected else [(Reason.BROKER_AWAY, "the broker is away")]
        troubles += [(Reason.LOG_UNREADABLE, f"{log} cannot be read: {why}") for log, why in unread.items()]
        self.probe.found(troubles)
        for log in unread.keys() - self._told.keys():
            _logger.warning("%s cannot be read: %s", log, unread[log])
        for log in self._told.keys() - unread.keys():
            _logger.warning("%s can be read again", log)
        self._told = unread

    def _note(self, stem: str, message: LogMessage) -> None:
        self.logs[stem].note(message)
        self._tail.messages[stem].clear()


@click.command()
@click.option(
    "--env", "environment_file", type=click.Path(path_type=Path),
    help="The file with the addresses of the hospital. Without it: the variables of this process.",
)  # fmt: skip
@click.option("--rabbitmq-url", envvar="RABBITMQ_URL", help="Of an account that may read all logs.")
@click.option("--host", envvar="METRICS_HOST", default="127.0.0.1", show_default=True, help="Where /metrics is served.")
@click.option("--port", envvar="METRICS_PORT", default=8399, show_default=True, help="Its port.")
def gaps(environment_file: Path | None, rabbitmq_url: str | None, host: str, port: int) -> None:
    """Read all logs without end, and say in a metric whether their sequences are contiguous.

    The logs are those of the hospital's own services and of all others that the environment names: by their
    addresses, or in SERVICES, with commas between them. Logs of commands are those that somebody reads, as
    <SERVICE>_READS says.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    environment = read_environment(environment_file) if environment_file else of_services(os.environ)
    url = rabbitmq_url or environment.get("RABBITMQ_URL")
    if not url:
        raise click.UsageError("RABBITMQ_URL is missing: it should lead to the broker, as who may read all logs")
    ca_file = environment.get("RABBITMQ_CA_FILE")
    stems = logs_of(services_in(environment, always=HOSPITAL))
    auditor = GapAuditor(url, stems, Path(ca_file) if ca_file else None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: auditor.stop())
    server = serve(auditor.probe, host, port)
    _logger.info(
        "reading the logs %s; http://%s:%s/metrics",
        ", ".join(name_of(stem, 0) for stem in auditor.logs),
        host,
        server.server_port,
    )
    try:
        auditor.run()
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    finally:
        server.shutdown()
