"""Benchmark: how long from a commit to the consumer's hands, and what a relay costs that has nothing to do."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from typing import NamedTuple

from benchmarks.delays import Delays, Writers, through_the_outbox, without_an_outbox
from benchmarks.one_at_a_time import relay_one_at_a_time
from benchmarks.options import Options
from benchmarks.results import Bar, Kind, Results, at_most, percentile
from benchmarks.testbed import Testbed
from benchmarks.writing import write_prepared_at

TITLE = "Latency: from a commit to the consumer's hands, through a log"

Bars = Mapping[str, Bar]
_NO_BARS: Bars = {}


class Load(NamedTuple):
    """A steady rate, by whom, and what the delays may be."""

    name: str
    per_s: float
    writers: Writers
    bars: Bars


_LOADS = (
    Load("idle (20/s)", 20, Writers(1, 1), {"p50": at_most(1.5), "p99": at_most(3)}),
    Load("500/s", 500, Writers(1, 4), {"p99": at_most(4), "p99.9": at_most(15)}),
    Load("2,000/s, rows copied", 2000, Writers(1, 2, write_prepared_at), {"p99": at_most(8)}),
)
_BY_A_SERVICE = Load("2,000/s, a service", 2000, Writers(2, 2), {"p99": at_most(10)})
_SHARES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
_SETTLED_AFTER_S = 2.0


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Measures the relay, a publisher without any outbox, and a relay that polls, at each load."""
    rounds, for_s = (1, 4.0) if options.quick else (3, 20.0)
    results.remark("The clock starts when the commit has returned to the writer, which then notifies the relay.")
    results.remark(
        "At 20/s and 500/s a service of the library writes, with one thread and with four. At 2,000/s such a service, "
        "of two processes of two threads, needs most of a core for itself; a writer that copies rows leaves more free."
    )
    for _ in range(options.rounds(rounds)):
        for load in _LOADS:
            with testbed.target("stream") as log:
                delays = without_an_outbox(testbed.rabbitmq.url, log, load.per_s, for_s)
            _note(results, f"{load.name}: published without an outbox", delays, kind="ceiling")
            _relayed(testbed, results, load, for_s)
        _relayed(testbed, results, _BY_A_SERVICE, for_s)
        for load in _LOADS[:2]:  # at 2,000/s its backlog only grows
            with testbed.database() as url, testbed.target("stream") as log, _polling_relay(url, testbed.rabbitmq.url):
                delays = through_the_outbox(url, testbed.rabbitmq.url, log, load.per_s, load.writers, for_s)
            _note(results, f"{load.name}: one confirm at a time, polls each 20 ms", delays, kind="baseline")
        results.note(
            "relay without work", _idle_share(testbed, 5 if options.quick else 20), "% of a core", bar=at_most(0.4)
        )


def _relayed(testbed: Testbed, results: Results, load: Load, for_s: float) -> None:
    with testbed.database() as url, testbed.target("stream") as log, testbed.relay(url, log):
        delays = through_the_outbox(url, testbed.rabbitmq.url, log, load.per_s, load.writers, for_s)
    _note(results, f"{load.name}: relay", delays, bars=load.bars)


def _note(results: Results, name: str, delays: Delays, *, kind: Kind = "ours", bars: Bars = _NO_BARS) -> None:
    for label, share in _SHARES.items():
        if len(delays.ms) * (1 - share) >= 1:
            results.note(f"{name}, {label}", percentile(delays.ms, share), "ms", kind=kind, bar=bars.get(label))
    results.note(f"{name}, written", delays.written_per_s, "messages/s", kind=kind)


@contextmanager
def _polling_relay(database_url: str, rabbitmq_url: str) -> Iterator[None]:
    process = get_context("spawn").Process(target=relay_one_at_a_time, args=(database_url, rabbitmq_url, False))
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _idle_share(testbed: Testbed, for_s: float) -> float:
    with testbed.database() as url, testbed.target("stream") as log, testbed.relay(url, log) as relay:
        through_the_outbox(url, testbed.rabbitmq.url, log, 20, Writers(1, 1), 1.0)  # it has relayed, and is warm
        time.sleep(_SETTLED_AFTER_S)
        before_s, started_at = relay.cpu_s, time.perf_counter()
        time.sleep(for_s)
        return 100 * (relay.cpu_s - before_s) / (time.perf_counter() - started_at)
