"""Benchmark: a target that is missing for a while, and a broker that is killed: what is lost, and when it goes on."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import amqp
import psycopg

from benchmarks.log_tail import LogTail
from benchmarks.options import Options
from benchmarks.order import judge
from benchmarks.results import Results, at_most
from benchmarks.rows import WRITER, prepare
from benchmarks.running_relay import RunningRelay
from benchmarks.targets import delete, open_channel
from benchmarks.testbed import Testbed

TITLE = "Outages: a target missing for 3 s, and a killed broker, while 500 messages a second are written"
_PER_S, _PORTION = 500, 25
_AWAY_S = 3.0
_AROUND_S = 1.5
"""For how long all is well before the outage and after it. A log younger than half a second may not survive a kill."""
_READABLE_WITHIN_S = 30.0
_UNCONFIRMED_WINDOW = 2 * 500
_GOES_ON_WITHIN_S = 2.0
_MISSING = "bench-missing"
"""A name that tells no kind, so that the relay cannot declare it by itself and has to wait."""
_WRITE = """
INSERT INTO outbox (partition, message_id, target, type, subject, sequence, header, body)
SELECT partition, message_id, %(target)s, type, subject, sequence, header, body
FROM prepared WHERE position >= %(first)s AND position < %(end)s ORDER BY position
"""


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Takes the target away, and then the broker, in the middle of steady writing."""
    results.remark("'Goes on' is the time from the healing until the oldest message that waited has left the outbox.")
    results.remark("The relay is the same process throughout; a message counts as lost when the log does not have it.")
    for _ in range(options.rounds(1 if options.quick else 5)):
        _missing_target(testbed, results)
        _killed_broker(testbed, results)


def _missing_target(testbed: Testbed, results: Results) -> None:
    with testbed.database() as url, testbed.session(url) as session:
        prepare(session, int(_PER_S * (_AWAY_S + 4 * _AROUND_S)))
        try:
            with testbed.relay(url, f"{WRITER}.events") as relay, _writing(url, _MISSING) as writer:
                time.sleep(_AWAY_S)
                with open_channel(testbed.rabbitmq.url, "benchmark declares") as channel:
                    channel.queue_declare(
                        _MISSING, durable=True, auto_delete=False, arguments={"x-queue-type": "stream"}
                    )
                goes_on_s = _goes_on(session)
                time.sleep(_AROUND_S)
                writer.stop()
                _judge(testbed, results, "missing target", _MISSING, writer.written, goes_on_s, relay)
        finally:
            delete(testbed.rabbitmq.url, _MISSING)


def _killed_broker(testbed: Testbed, results: Results) -> None:
    with testbed.database() as url, testbed.session(url) as session, testbed.target("stream") as log:
        prepare(session, int(_PER_S * (2 * _AWAY_S + 10 * _AROUND_S)))
        with testbed.relay(url, log) as relay, _writing(url, log) as writer:
            time.sleep(_AROUND_S)
            testbed.rabbitmq.processes[-1].send(signal.SIGKILL)
            time.sleep(_AWAY_S)
            testbed.rabbitmq.start()
            goes_on_s = _goes_on(session)
            time.sleep(_AROUND_S)
            writer.stop()
            _judge(testbed, results, "killed broker", log, writer.written, goes_on_s, relay)


def _judge(
    testbed: Testbed, results: Results, outage: str, log: str, written: int, goes_on_s: float, relay: RunningRelay
) -> None:
    with _readable(testbed, log) as tail:
        deadline = time.monotonic() + _READABLE_WITHIN_S
        while len(tail.arrived_ns) < written and time.monotonic() < deadline:
            tail.read(0.05)
        found = judge(tail.order)
    if not relay.pid:
        raise RuntimeError("the relay has ended")
    results.note(f"{outage}: goes on after", goes_on_s, "s", bar=at_most(_GOES_ON_WITHIN_S))
    results.note(f"{outage}: lost", written - found.different, "messages", bar=at_most(0))
    results.note(f"{outage}: out of order in the log", found.out_of_order, "messages", bar=at_most(0))
    results.note(f"{outage}: doubled", found.doubled, "messages", bar=at_most(_UNCONFIRMED_WINDOW))


def _goes_on(session: psycopg.Connection) -> float:
    """Waits until the oldest message is gone and returns how long that took."""
    healed_at = time.monotonic()
    (oldest,) = session.execute("SELECT min(id) FROM outbox").fetchone() or (None,)
    while session.execute("SELECT FROM outbox WHERE id = %s", (oldest,)).rowcount:
        time.sleep(0.005)
        if time.monotonic() - healed_at > _READABLE_WITHIN_S:
            raise TimeoutError(f"row {oldest} is still in the outbox")
    return time.monotonic() - healed_at


@contextmanager
def _readable(testbed: Testbed, log: str) -> Iterator[LogTail]:
    """Gives a reader of a log; a broker that was started again serves its logs half a second late."""
    give_up_at = time.monotonic() + _READABLE_WITHIN_S
    while True:
        try:
            tail = LogTail(testbed.rabbitmq.url, log)
            break
        except (OSError, amqp.AMQPError):
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.1)
    with tail:
        yield tail


class _Writer(threading.Thread):
    """Writes portions of the prepared rows at a steady rate until it is stopped."""

    def __init__(self, url: str, target: str) -> None:
        super().__init__(daemon=True)
        self._url, self._target = url, target
        self._stopping = threading.Event()
        self.written = 0

    def run(self) -> None:
        """Writes, and wakes the relay after each commit."""
        with psycopg.connect(self._url, autocommit=True) as session:
            started_at = time.monotonic()
            while not self._stopping.is_set():
                end = self.written + _PORTION
                session.execute(_WRITE, {"target": self._target, "first": self.written, "end": end})
                session.execute("NOTIFY outbox")
                self.written = end
                self._stopping.wait(max(0.0, started_at + self.written / _PER_S - time.monotonic()))

    def stop(self) -> None:
        """Ends the writing."""
        self._stopping.set()
        self.join()


@contextmanager
def _writing(url: str, target: str) -> Iterator[_Writer]:
    writer = _Writer(url, target)
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()
