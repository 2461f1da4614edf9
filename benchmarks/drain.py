"""Benchmark: how fast one relay empties a full outbox, to a log and to a queue."""

import time
from typing import Literal, NamedTuple

import psycopg

from benchmarks import stream_frames
from benchmarks.frames_client import publish_prebuilt
from benchmarks.one_at_a_time import relay_one_at_a_time
from benchmarks.options import Options
from benchmarks.postgres_alone import fetch_and_delete
from benchmarks.results import Results, at_least, at_most
from benchmarks.rows import prepare
from benchmarks.running_relay import RunningRelay
from benchmarks.testbed import Testbed, apart

TITLE = "Drain: 100,000 rows of 256 bytes with full headers, 1,000 aggregates, one relay"
_RELAY_BATCH_ROWS = 500
_DEADLINE_S = 300.0
_IN_FLIGHT = (1000, 4000)
"""What the ceiling's client is allowed in each turn."""


class Drained(NamedTuple):
    """What came of it: the rate, and microseconds of processor a message of the relay and of the broker."""

    messages_per_s: float
    relay_us: float
    broker_us: float


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Measures relay, ceilings and rival one after the other, several times."""
    rows, rounds = (20_000, 2) if options.quick else (100_000, 5)
    results.remark(
        "Ceiling, baseline and relay have two turns in each round, and the better of each counts. "
        "The ceiling's client may have 1,000 messages in flight and then 4,000, the relay 1,000."
    )
    with testbed.database() as url, testbed.session(url) as session:
        prepare(session, rows)
        for _ in range(options.rounds(rounds)):
            fetched = _postgres_alone(testbed, session, url, rows, results)
            _to_a_log(testbed, session, url, rows, results, fetched)
            _to_a_queue(testbed, session, url, rows, results)


def _postgres_alone(testbed: Testbed, session: psycopg.Connection, url: str, rows: int, results: Results) -> float:
    testbed.refill(session, "nowhere", rows)
    rate = apart(fetch_and_delete, url)
    if session.execute("SELECT FROM outbox LIMIT 1").rowcount:
        raise RuntimeError("rows are left: this was no ceiling")
    results.note("PostgreSQL: fetch and delete alone", rate, "rows/s", kind="ceiling")
    return rate


def _to_a_log(
    testbed: Testbed, session: psycopg.Connection, url: str, rows: int, results: Results, fetched: float
) -> None:
    ceilings, drains = [], []
    for in_flight in _IN_FLIGHT:
        with testbed.target("stream") as target:
            where = (testbed.rabbitmq.url, testbed.rabbitmq.stream_port, target)
            ceilings.append(apart(stream_frames.publish_prebuilt, url, *where, rows, in_flight).messages_per_s)
        drains.append(_relay(testbed, session, url, "stream", rows))
    ceiling, best = max(ceilings), max(drains)
    results.note("log: prebuilt frames of the stream protocol alone", ceiling, "messages/s", kind="ceiling")
    results.note("log: relay", best.messages_per_s, "messages/s", bar=at_least(100_000))
    results.note(
        "log: relay, of the lower ceiling", 100 * best.messages_per_s / min(ceiling, fetched), "%", bar=at_least(60)
    )
    results.note("log: relay, processor", best.relay_us, "us/message", bar=at_most(3))
    results.note("log: RabbitMQ, processor", best.broker_us, "us/message", bar=at_most(4))
    over_amqp = _relay(testbed, session, url, "stream", rows, RABBITMQ_STREAM_PORT="0")
    results.note("log, by AMQP 0-9-1: relay", over_amqp.messages_per_s, "messages/s", kind="baseline")
    results.note("log, by AMQP 0-9-1: relay, processor", over_amqp.relay_us, "us/message", kind="baseline")
    results.note("log, by AMQP 0-9-1: RabbitMQ, processor", over_amqp.broker_us, "us/message", kind="baseline")


def _to_a_queue(testbed: Testbed, session: psycopg.Connection, url: str, rows: int, results: Results) -> None:
    rival = max(_one_at_a_time(testbed, session, url, max(500, rows // 30)) for _ in _IN_FLIGHT)
    results.note("queue: one confirm at a time (SKIP LOCKED, kombu)", rival, "messages/s", kind="baseline")
    ceilings, drains = [], []
    for in_flight in _IN_FLIGHT:
        with testbed.target("quorum") as target:
            ceilings.append(apart(publish_prebuilt, url, testbed.rabbitmq.url, target, rows, in_flight).messages_per_s)
        drains.append(_relay(testbed, session, url, "quorum", rows))
    ceiling, best = max(ceilings), max(drains)
    results.note("queue: prebuilt frames alone", ceiling, "messages/s", kind="ceiling")
    results.note("queue: relay", best.messages_per_s, "messages/s")
    results.note("queue: relay, of the frames' ceiling", 100 * best.messages_per_s / ceiling, "%", bar=at_least(75))
    results.note("queue: relay, of one at a time", best.messages_per_s / rival, "times", bar=at_least(12))
    results.note("queue: relay, processor", best.relay_us, "us/message", bar=at_most(10))


def _one_at_a_time(testbed: Testbed, session: psycopg.Connection, url: str, rows: int) -> float:
    with testbed.target("quorum") as target:
        testbed.refill(session, target, rows)
        return apart(relay_one_at_a_time, url, testbed.rabbitmq.url)


def _relay(
    testbed: Testbed,
    session: psycopg.Connection,
    url: str,
    kind: Literal["stream", "quorum"],
    rows: int,
    **settings: str,
) -> Drained:
    with testbed.target(kind) as target:
        testbed.refill(session, target, rows)
        with testbed.relay(url, target, **settings) as relay:
            before_s = testbed.broker_cpu_s()
            rate, relay_us = watch_drain(session, relay, rows)
            return Drained(rate, relay_us, (testbed.broker_cpu_s() - before_s) / rows * 1e6)


def watch_drain(
    session: psycopg.Connection, relay: RunningRelay, rows: int, under_way: int = 2 * _RELAY_BATCH_ROWS
) -> tuple[float, float]:
    """Returns messages a second and microseconds of processor a message, from the first deletion to the last.

    The relay's start is left out, and so are the messages of the first two batches, which were under way when the first
    row was seen to be gone.
    """
    found = session.execute("SELECT min(id), max(id) FROM outbox").fetchone()
    first, last = found or (0, 0)
    _until_deleted(session, first)
    started_at, cpu_before_s = time.perf_counter(), relay.cpu_s
    _until_deleted(session, last)
    elapsed_s, cpu_s = time.perf_counter() - started_at, relay.cpu_s - cpu_before_s
    counted = rows - under_way
    return counted / elapsed_s, cpu_s / counted * 1e6


def _until_deleted(session: psycopg.Connection, row_id: int) -> None:
    """Waits until a row is gone; rows go in the order of their ids."""
    give_up_at = time.monotonic() + _DEADLINE_S
    while session.execute("SELECT FROM outbox WHERE id = %s", (row_id,), prepare=True).rowcount:
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"row {row_id} is still in the outbox after {_DEADLINE_S:.0f} s")
        time.sleep(0.002)
