"""Benchmark: what traces cost relay, consumer and API: with no exporter, with one and nothing sampled, all sampled."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg

from benchmarks.applying import PUBLISHER, consume
from benchmarks.drain import watch_drain
from benchmarks.frames_client import publish_prebuilt
from benchmarks.http_load import Answered, post_for
from benchmarks.options import Options
from benchmarks.requests import serving
from benchmarks.results import Kind, Results, at_most
from benchmarks.rows import prepare
from benchmarks.testbed import Testbed, apart
from local.ports import LOOPBACK, free_port
from local.process import Process
from local.readiness import wait_until_ready
from local.rundir import REPOSITORY

TITLE = "Traces: what they cost relay, consumer and API, by the processor's time"
_CLIENTS = 8
_SERVICE = ("-m", "services", "prescription", "api")
_SAMPLE = """
UPDATE prepared SET header = overlay(header PLACING '1'::bytea FROM position('traceparent'::bytea IN header) + 67)
"""
"""Sets the last digit of the flags: behind the key come 2 bytes of kind and length and 54 of the value."""

Settings = Mapping[str, str]
Measure = Callable[[Settings], float]
_WITHOUT, _UNSAMPLED, _SAMPLED = "without an exporter", "with one, nothing sampled", "everything sampled"
_KINDS: Mapping[str, Kind] = {_WITHOUT: "baseline", _UNSAMPLED: "ours", _SAMPLED: "ours"}


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Measures all three ways in turns, several times; what a way costs is told of each turn."""
    rows, for_s, rounds = (10_000, 2.0, 2) if options.quick else (40_000, 6.0, 7)
    results.remark(
        "The store takes spans and forgets them, on the same cores. What a way costs is the median of the turns."
    )
    with _store(testbed) as url, testbed.database() as database, testbed.session(database) as session:
        for turn in range(options.rounds(rounds)):
            ways = _ways(url, turn)
            costs = {way: _relay(testbed, session, database, rows, way, settings) for way, settings in ways}
            _note(results, "relay, processor", "us/message", costs)
            costs = {way: _consumer(testbed, rows // 2, way, settings) for way, settings in ways}
            _note(results, "consumer, a message", "us/message", costs)
            costs = {way: _api(testbed, for_s, settings) for way, settings in ways}
            _note(results, "API, a request", "us/request", costs)


def _ways(url: str, turn: int) -> list[tuple[str, Settings]]:
    """Returns the ways with their settings, every other time from the end."""
    to_store = {"TRACE_EXPORTER": "zipkin", "TRACE_ENDPOINT": url}
    ways: list[tuple[str, Settings]] = [
        (_WITHOUT, {"TRACE_EXPORTER": "none"}),
        (_UNSAMPLED, to_store | {"TRACE_RATIO": "0"}),
        (_SAMPLED, to_store | {"TRACE_RATIO": "1"}),
    ]
    return ways if turn % 2 == 0 else ways[::-1]


def _note(results: Results, what: str, unit: str, costs: Mapping[str, float]) -> None:
    for way, kind in _KINDS.items():
        results.note(f"{what}: {way}", costs[way], unit, kind=kind)
    more = {way: 100 * (costs[way] / costs[_WITHOUT] - 1) for way in (_UNSAMPLED, _SAMPLED)}
    results.note(f"{what}: more where nothing is sampled", more[_UNSAMPLED], "%", bar=at_most(3))
    results.note(f"{what}: more where everything is", more[_SAMPLED], "%")


def _relay(
    testbed: Testbed, session: psycopg.Connection, database: str, rows: int, way: str, settings: Settings
) -> float:
    _prepare(session, rows, way)
    with testbed.target("stream") as log:
        testbed.refill(session, log, rows)
        with testbed.relay(database, log, **settings) as relay:
            return watch_drain(session, relay, rows)[1]


def _consumer(testbed: Testbed, messages: int, way: str, settings: Settings) -> float:
    with testbed.database() as database, testbed.target("stream", PUBLISHER) as log:
        with testbed.session(database) as session:
            _prepare(session, messages, way)
        apart(publish_prebuilt, database, testbed.rabbitmq.url, log, messages, messages)
        more = {name.lower(): value for name, value in settings.items()}
        return 1e6 / apart(consume, database, testbed.rabbitmq.url, [log], messages, 100, **testbed.reading, **more)


def _api(testbed: Testbed, for_s: float, settings: Settings) -> float:
    with testbed.prescription_database() as (database, patient_id):
        body = {"patient_id": str(patient_id), "medication_code": "aspirin-100", "quantity": 1}
        with serving(testbed, database, _SERVICE, **settings) as api:
            apart(post_for, api.address, body, _CLIENTS, 1.0)
            answered: Answered = apart(post_for, api.address, body, _CLIENTS, for_s)
    return 1e6 / answered.requests_per_s


def _prepare(session: psycopg.Connection, rows: int, way: str) -> None:
    prepare(session, rows)
    if way == _SAMPLED:
        session.execute(_SAMPLE)


@contextmanager
def _store(testbed: Testbed) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.trace_store", str(port)]
    process = Process("store", command, log_path=testbed.logs / "store.log", working_dir=REPOSITORY)
    process.start()
    try:
        wait_until_ready({"store": port}, 30)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        process.stop()
