"""Benchmark: a relay keeps its rate, whoever holds a snapshot, however long the backlog and large the bodies."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from statistics import mean
from typing import NamedTuple

import psycopg

from benchmarks.delays import Writers, through_the_outbox
from benchmarks.drain import watch_drain
from benchmarks.options import Options
from benchmarks.results import Bar, Kind, Results, at_least, at_most, percentile
from benchmarks.rows import add, prepare
from benchmarks.testbed import Testbed

TITLE = "Flatness: throughput and memory under a held xmin, a long backlog and large bodies"

Hold = Callable[[Testbed, str], AbstractContextManager[None]]

_PER_S, _WRITERS, _FOR_S = 500, Writers(1, 4), 6.0
_LONGEST_P99_MS = 5.0
"""The bar that holds without anybody's snapshot, too."""
_SHORT_BACKLOGS = 6
_LARGE_BODY_BYTES = 100 * 1024
_LARGE_UNDER_WAY = 20
"""Two batches of a MiB each."""


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Compares a relay with itself: without the burden and with it, in turns."""
    rounds = 1 if options.quick else 5
    portion, before = (10_000, 20_000) if options.quick else (100_000, 300_000)
    results.remark(f"xmin: {before:,} rows have passed, and died, before the {portion:,} that are measured.")
    results.remark(
        "p99: from a commit to the reader's hands at 500/s, with the same holder before those rows and after them."
    )
    for _ in range(options.rounds(rounds)):
        free = _after_many(testbed, portion, before, _nobody)
        _note(results, "xmin free", free, kind="baseline")
        for holder, hold in (("read-only snapshot", _reader), ("writer in another database", _writer)):
            held = _after_many(testbed, portion, before, hold)
            _note(results, f"xmin held by a {holder}", held, bar=at_most(_LONGEST_P99_MS))
            share = 100 * held.rate / free.rate
            results.note(f"xmin held by a {holder}, of free", share, "%", bar=at_least(95))
    _backlogs(testbed, results, options)
    _large_bodies(testbed, results, 200 if options.quick else 3000)


class _Passed(NamedTuple):
    """What was measured while many rows passed."""

    rate: float
    p99_before_ms: float
    p99_after_ms: float


def _note(results: Results, what: str, passed: _Passed, *, kind: Kind = "ours", bar: Bar | None = None) -> None:
    results.note(what, passed.rate, "messages/s", kind=kind)
    results.note(f"{what}, p99 before", passed.p99_before_ms, "ms", kind=kind)
    results.note(f"{what}, p99 after", passed.p99_after_ms, "ms", kind=kind, bar=bar)


def _after_many(testbed: Testbed, portion: int, before: int, hold: Hold) -> _Passed:
    """Lets a relay pass rows in portions, and returns its rate over the last one."""

    def p99_ms() -> float:
        delays = through_the_outbox(url, testbed.rabbitmq.url, log, _PER_S, _WRITERS, _FOR_S)
        return percentile(delays.ms, 0.99)

    with (
        testbed.database() as url,
        testbed.target("stream") as log,
        testbed.session(url) as session,
        hold(testbed, url),
        testbed.relay(url, log) as relay,
    ):
        prepare(session, portion)
        p99_before_ms, passed = p99_ms(), 0
        while True:
            add(session, log, portion)
            rate, _ = watch_drain(session, relay, portion)
            passed += portion
            if passed > before:
                return _Passed(rate, p99_before_ms, p99_ms())


@contextmanager
def _nobody(_testbed: Testbed, _url: str) -> Iterator[None]:
    """Holds nothing."""
    yield


@contextmanager
def _reader(_testbed: Testbed, url: str) -> Iterator[None]:
    """Holds a snapshot of the outbox's database, so that no dead row can be removed."""
    with psycopg.connect(url) as session:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        session.execute("SELECT count(*) FROM aggregate")
        yield


@contextmanager
def _writer(testbed: Testbed, _url: str) -> Iterator[None]:
    """Holds a transaction open that has written in another database: cluster-wide, `xmin` stays where it is."""
    with testbed.database() as other, psycopg.connect(other) as session:
        session.execute("UPDATE aggregate SET state = 1 WHERE aggregate_id = 1")
        yield


def _backlogs(testbed: Testbed, results: Results, options: Options) -> None:
    """Drains short backlogs, each of which is over in a moment, and then a long one."""
    short, long = (5_000, 50_000) if options.quick else (10_000, 2_000_000)

    def drained(rows: int) -> tuple[float, float]:
        add(session, log, rows)
        with testbed.relay(url, log) as relay:
            rate, _ = watch_drain(session, relay, rows)
            return rate, relay.peak_rss_mib

    for _ in range(options.rounds(1 if options.quick else 3)):
        with testbed.database() as url, testbed.target("stream") as log, testbed.session(url) as session:
            prepare(session, short)
            short_rate = mean(drained(short)[0] for _ in range(_SHORT_BACKLOGS))
            long_rate, memory_mib = drained(long)
        results.note(f"backlog of {long:,}, memory", memory_mib, "MiB", bar=at_most(75))
        results.note(f"backlog of {short:,}", short_rate, "messages/s", kind="baseline")
        results.note(f"backlog of {long:,}", long_rate, "messages/s")
        results.note(f"backlog of {long:,}, of the short one", 100 * long_rate / short_rate, "%", bar=at_least(95))


def _large_bodies(testbed: Testbed, results: Results, rows: int) -> None:
    with testbed.database() as url, testbed.target("stream") as log, testbed.session(url) as session:
        prepare(session, rows, _LARGE_BODY_BYTES)
        add(session, log, rows)
        with testbed.relay(url, log) as relay:
            rate, _ = watch_drain(session, relay, rows, under_way=_LARGE_UNDER_WAY)
            results.note("bodies of 100 KiB", rate * _LARGE_BODY_BYTES / 1e6, "MB/s")
            results.note("bodies of 100 KiB, memory", relay.peak_rss_mib, "MiB", bar=at_most(75))
