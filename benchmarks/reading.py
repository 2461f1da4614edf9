"""Benchmark: a log read by AMQP 0-9-1 and by the stream protocol, up to its effects in a database and without one."""

import time
from collections.abc import Callable
from contextlib import closing

from benchmarks.applying import PUBLISHER, Consumed, consumed
from benchmarks.options import Options
from benchmarks.results import Kind, Results, at_least
from benchmarks.rows import prepare
from benchmarks.stream_frames import publish_prebuilt
from benchmarks.testbed import Testbed, apart
from infirmary.consumer.broker import Broker
from infirmary.consumer.log_broker import LogBroker
from infirmary.consumer.reader import PREFETCH
from infirmary.consumer.streams.broker import StreamBroker
from infirmary.transport.envelope import Incoming
from infirmary_streams.address import StreamAddress

TITLE = "Reading: a log by AMQP 0-9-1 and by the stream protocol"
_BATCH_MESSAGES = 100
_IN_FLIGHT = 10_000
_DEADLINE_S = 300.0
_WAYS: tuple[tuple[str, Kind], ...] = (("AMQP 0-9-1", "baseline"), ("stream protocol", "ours"))


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Reads the same log in both ways, in turns."""
    messages, rounds = (5000, 1) if options.quick else (50_000, 5)
    results.remark(
        "Reading alone decodes a message and checks its attributes; applying is a statement each, 100 a commit."
    )
    for _ in range(options.rounds(rounds)):
        with testbed.database() as url, testbed.target("stream", PUBLISHER) as log:
            with testbed.session(url) as session:
                prepare(session, messages)
            rabbitmq = testbed.rabbitmq
            apart(publish_prebuilt, url, rabbitmq.url, rabbitmq.stream_port, log, messages, _IN_FLIGHT)
            _compare(testbed, results, "reading alone", messages, lambda port: _read(testbed, log, messages, port))
            _compare(testbed, results, "applying", messages, lambda port: _apply(testbed, log, messages, port))


def _compare(testbed: Testbed, results: Results, what: str, messages: int, measure: Callable[[int], Consumed]) -> None:
    rates, broker_us = [], []
    for (way, kind), port in zip(_WAYS, (0, testbed.rabbitmq.stream_port), strict=True):
        before = (testbed.broker_cpu_s(), testbed.database_cpu_s())
        found = measure(port)
        of_broker, of_database = testbed.broker_cpu_s() - before[0], testbed.database_cpu_s() - before[1]
        rates.append(found.messages_per_s)
        broker_us.append(of_broker / messages * 1e6)
        bar = at_least(10_000) if (what, kind) == ("applying", "ours") else None
        results.note(f"{what}, {way}", found.messages_per_s, "messages/s", kind=kind, bar=bar)
        results.note(f"{what}, {way}: the reader's processor time", found.cpu_us_per_message, "us/message", kind=kind)
        results.note(f"{what}, {way}: RabbitMQ's processor time", broker_us[-1], "us/message", kind=kind)
        if what == "applying":
            results.note(f"{what}, {way}: PostgreSQL's", of_database / messages * 1e6, "us/message", kind=kind)
    results.note(f"{what}: stream protocol, of AMQP 0-9-1", rates[1] / rates[0], "times")
    results.note(
        f"{what}: RabbitMQ's time by AMQP 0-9-1, of the stream protocol's",
        broker_us[0] / broker_us[1],
        "times",
        bar=at_least(2),
    )


def _apply(testbed: Testbed, log: str, messages: int, stream_port: int) -> Consumed:
    with testbed.database() as url:
        port = str(stream_port)
        return apart(consumed, url, testbed.rabbitmq.url, [log], messages, _BATCH_MESSAGES, rabbitmq_stream_port=port)


def _read(testbed: Testbed, log: str, messages: int, stream_port: int) -> Consumed:
    return apart(read, testbed.rabbitmq.url, stream_port, log, messages)


def read(rabbitmq_url: str, stream_port: int, log: str, count: int) -> Consumed:
    """Reads so many messages of a log, by the stream protocol where there is a port for it.

    Raises:
        TimeoutError: They do not come.
    """
    give_up_at = time.monotonic() + _DEADLINE_S
    with closing(_broker(rabbitmq_url, stream_port)) as broker:
        subscription = broker.subscribe(log, PREFETCH, "first")
        broker.wait(5.0)
        left, started_at, cpu_started_at = count, time.perf_counter(), time.process_time()
        while left > 0:
            if not subscription.waiting and not broker.wait(1.0) and time.monotonic() > give_up_at:
                raise TimeoutError(f"{left:,} of {count:,} messages did not come")
            broker.take_in(_BATCH_MESSAGES - subscription.waiting)
            deliveries = subscription.take(_BATCH_MESSAGES)
            if not all(isinstance(delivery.message, Incoming) for delivery in deliveries):
                raise ValueError("messages of ours cannot be read")
            if deliveries:
                subscription.acknowledge(deliveries[-1])
                left -= len(deliveries)
        elapsed_s, cpu_s = time.perf_counter() - started_at, time.process_time() - cpu_started_at
    return Consumed(count / elapsed_s, cpu_s / count * 1e6)


def _broker(rabbitmq_url: str, stream_port: int) -> LogBroker:
    if not stream_port:
        return Broker(rabbitmq_url, "benchmark")
    address = StreamAddress.beside(rabbitmq_url, stream_port)
    return StreamBroker(address, "benchmark", lambda: Broker(rabbitmq_url, "benchmark"))
