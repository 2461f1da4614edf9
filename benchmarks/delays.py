"""Measures from the moment of writing to the reader's hands, with the writer in a process of its own."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from typing import Any, NamedTuple

from benchmarks.log_tail import LogTail
from benchmarks.rows import messages
from benchmarks.version_1 import as_version_1
from benchmarks.writing import Written, connect, with_outbox, write_at
from infirmary_relay.broker.address import BrokerAddress
from infirmary_relay.broker.handshake import CHANNEL
from infirmary_relay.broker.session import Session
from infirmary_relay.broker.wire import Encoder

WARM_S = 2.0
_DEADLINE_S = 60.0


Call = tuple[Callable[..., list[Written]], *tuple[Any, ...]]


class Writers(NamedTuple):
    """Who writes: as gunicorn runs a service, so many processes of so many threads each."""

    processes: int
    threads: int
    write: Callable[[str, str, float, int, float, float], list[Written]] = write_at


class Delays(NamedTuple):
    """What was seen of a steady rate of messages."""

    written_per_s: float
    """The rate that the writer really kept."""
    ms: list[float]
    """From each message's writing to its arrival."""


def through_the_outbox(
    database_url: str, rabbitmq_url: str, log: str, per_s: float, writers: Writers, for_s: float
) -> Delays:
    """Writes to an outbox that somebody relays, and measures from each commit to the arrival."""
    service = log.removesuffix(".events")
    with LogTail(rabbitmq_url, log, "next") as tail:
        with connect(database_url) as session:
            with_outbox(session, service, 1)
        tail.read_until(lambda: bool(tail.order), _DEADLINE_S)  # the relay is up
        share = (writers.write, database_url, service, per_s / writers.processes, writers.threads, WARM_S, for_s)
        return _delays(tail, *[share] * writers.processes)


def without_an_outbox(rabbitmq_url: str, log: str, per_s: float, for_s: float) -> Delays:
    """Publishes the same messages directly, and measures from each write to the arrival."""
    with LogTail(rabbitmq_url, log, "next") as tail:
        return _delays(tail, (publish_at, rabbitmq_url, log, per_s, WARM_S, for_s))


def publish_at(rabbitmq_url: str, log: str, per_s: float, warm_s: float, for_s: float) -> list[Written]:
    """Publishes at a steady rate, one message at a time; returns what was published after the warm-up."""
    session = Session(BrokerAddress.parse(rabbitmq_url), name="benchmark publisher")
    encoder = Encoder(CHANNEL, session.frame_max)
    rows = [
        (0, log, subject, message_id.bytes, as_version_1(header, len(body)), body)
        for _, _, message_id, _, subject, _, header, body in messages(int(per_s * (warm_s + for_s)))
    ]
    published: list[Written] = []
    start_at = time.monotonic()
    for turn, row in enumerate(rows):
        due_at = start_at + turn / per_s
        time.sleep(max(0.0, due_at - time.monotonic()))
        buffer, now_ns = encoder.encode([row]).buffer, time.monotonic_ns()
        session.write(buffer)
        for _ in session.frames():
            pass  # confirms
        if due_at >= start_at + warm_s:
            published.append(Written(row[3], now_ns))
    session.close()
    return published


def _delays(tail: LogTail, *calls: Call) -> Delays:
    """Makes each call in a process of its own, and reads until all that they wrote has come."""
    with ProcessPoolExecutor(len(calls), mp_context=get_context("spawn")) as pool:
        writing = [pool.submit(function, *arguments) for function, *arguments in calls]
        while not all(each.done() for each in writing):
            tail.read(0.05)
        shares = [each.result() for each in writing]
    written = list(chain.from_iterable(shares))
    arrived = tail.arrived_ns
    tail.read_until(lambda: all(each.message_id in arrived for each in reversed(written)), _DEADLINE_S)
    return Delays(sum(map(_rate, shares)), [(arrived[each.message_id] - each.committed_ns) / 1e6 for each in written])


def _rate(written: list[Written]) -> float:
    times_ns = [each.committed_ns for each in written]
    return (len(written) - 1) / (max(times_ns) - min(times_ns)) * 1e9
