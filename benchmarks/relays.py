"""Benchmark: several relays of one service, and how long one that dies or freezes holds its subjects up."""

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from benchmarks.log_tail import LogTail
from benchmarks.options import Options
from benchmarks.order import judge
from benchmarks.results import Results, at_most
from benchmarks.rows import add, prepare
from benchmarks.running_relay import RunningRelay
from benchmarks.testbed import Testbed

TITLE = "Relays: 1, 2 and 4 of one service, and the failure of one of two"
_UNCONFIRMED_WINDOW = 2 * 500
"""docs/relay.md: RELAY_WINDOWS x RELAY_BATCH_ROWS."""
_DEADLINE_S = 120.0
_HOLDERS = """
SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
WHERE locktype = 'advisory' AND datname = current_database() GROUP BY pid
"""
_FAILURES = (("SIGKILL", signal.SIGKILL, 2.0), ("SIGSTOP", signal.SIGSTOP, 10.0))


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Drains with 1, 2 and 4 relays; then kills, and then freezes, one of two in the middle of a drain."""
    rows, rounds = (10_000, 1) if options.quick else (100_000, 3)
    results.remark("The reader takes part while one of two relays fails; recovery ends when it has every message.")
    for _ in range(options.rounds(rounds)):
        for count in (1, 2, 4):
            _share(testbed, results, count, rows)
        for name, number, longest_s in _FAILURES:
            _fail(testbed, results, name, number, longest_s, rows // 4)


def _share(testbed: Testbed, results: Results, count: int, rows: int) -> None:
    with _several(testbed, count, rows) as (session, log, _), LogTail(testbed.rabbitmq.url, log) as tail:
        add(session, log, rows)
        started_at = time.perf_counter()
        session.execute("NOTIFY outbox")
        _until_empty(session)
        rate = rows / (time.perf_counter() - started_at)
        tail.read_until(lambda: len(tail.arrived_ns) == rows, _DEADLINE_S)
        who = "1 relay" if count == 1 else f"{count} relays"
        results.note(f"{who}", rate, "messages/s")
        results.note(f"{who}: out of order", judge(tail.order).out_of_order, "messages", bar=at_most(0))


def _fail(testbed: Testbed, results: Results, name: str, number: signal.Signals, longest_s: float, rows: int) -> None:
    with _several(testbed, 2, rows) as (session, log, relays), LogTail(testbed.rabbitmq.url, log) as tail:
        add(session, log, rows)
        session.execute("NOTIFY outbox")
        tail.read_until(lambda: len(tail.order) > 0, _DEADLINE_S)
        relays[0].send(number)
        failed_at = time.perf_counter()
        tail.read_until(lambda: len(tail.arrived_ns) == rows, _DEADLINE_S)
        results.note(f"{name} of one of two: recovery", time.perf_counter() - failed_at, "s", bar=at_most(longest_s))
        relays[0].send(signal.SIGCONT)
        while tail.read(1.0):
            pass  # what a woken relay still sends
        found = judge(tail.order)
        results.note(f"{name}: out of order", found.out_of_order, "messages", bar=at_most(0))
        results.note(f"{name}: doubled", found.doubled, "messages", bar=at_most(_UNCONFIRMED_WINDOW))


@contextmanager
def _several(testbed: Testbed, count: int, rows: int) -> Iterator[tuple[psycopg.Connection, str, list[RunningRelay]]]:
    """Gives an empty outbox whose relays have shared out its partitions, with rows prepared."""
    with ExitStack() as stack:
        url, log = stack.enter_context(testbed.database()), stack.enter_context(testbed.target("stream"))
        session = stack.enter_context(testbed.session(url))
        prepare(session, rows)
        relays = [stack.enter_context(testbed.relay(url, log)) for _ in range(count)]
        give_up_at = time.monotonic() + _DEADLINE_S
        while not _are_shared_out([held for (held,) in session.execute(_HOLDERS)], count):
            time.sleep(0.1)
            if time.monotonic() > give_up_at:
                raise TimeoutError("the relays do not share out the partitions")
        yield session, log, relays


def _are_shared_out(held: list[int], count: int) -> bool:
    return len(held) == count and sum(held) == 64 and max(held) - min(held) <= 1


def _until_empty(session: psycopg.Connection) -> None:
    give_up_at = time.monotonic() + _DEADLINE_S
    while session.execute("SELECT FROM outbox LIMIT 1").rowcount:
        time.sleep(0.01)
        if time.monotonic() > give_up_at:
            raise TimeoutError("the outbox does not get empty")
