"""Benchmark: what traces cost relay, consumer and API: with no exporter, with one and nothing sampled, all sampled."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg

from benchmarks.applying import PUBLISHER, consume
from benchmarks.drain import watch_drain
from benchmarks.effort import Effort
from benchmarks.frames_client import publish_prebuilt
from benchmarks.http_load import Answered, post_for
from benchmarks.requests import serving
from benchmarks.rows import prepare
from benchmarks.sheet import Kind, Sheet, at_most
from benchmarks.stage import Stage, apart
from local.ports import LOOPBACK, free_port
from local.process import Process
from local.readiness import wait_until_ready
from local.rundir import REPOSITORY

TITLE = "Traces: what they cost relay, consumer and API, by the processor's time"
_CLIENTS = 8
_SERVICE = ("-m", "services", "prescription", "api")
_SAMPLE = """
UPDATE prepared SET header = overlay(header PLACING '1'::bytea FROM position('traceparentS'::bytea IN header) + 70)
"""
"""Sets the last digit of the flags: behind the key and its kind come 4 bytes of length and 54 of the value."""

Settings = Mapping[str, str]
Measure = Callable[[Settings], float]
_WITHOUT, _UNSAMPLED, _SAMPLED = "without an exporter", "with one, nothing sampled", "everything sampled"
_KINDS: Mapping[str, Kind] = {_WITHOUT: "baseline", _UNSAMPLED: "ours", _SAMPLED: "ours"}


def run(stage: Stage, sheet: Sheet, effort: Effort) -> None:
    """Measures all three ways in turns, several times; what a way costs is told of each turn."""
    rows, for_s, rounds = (10_000, 2.0, 2) if effort.quick else (40_000, 6.0, 7)
    sheet.remark(
        "The store takes spans and forgets them, on the same cores. What a way costs is the median of the turns."
    )
    with _store(stage) as url, stage.database() as database, stage.session(database) as session:
        for turn in range(effort.rounds(rounds)):
            ways = _ways(url, turn)
            costs = {way: _relay(stage, session, database, rows, way, settings) for way, settings in ways}
            _note(sheet, "relay, processor", "us/message", costs)
            costs = {way: _consumer(stage, rows // 2, way, settings) for way, settings in ways}
            _note(sheet, "consumer, a message", "us/message", costs)
            costs = {way: _api(stage, for_s, settings) for way, settings in ways}
            _note(sheet, "API, a request", "us/request", costs)


def _ways(url: str, turn: int) -> list[tuple[str, Settings]]:
    """Returns the ways with their settings, every other time from the end."""
    to_store = {"TRACE_EXPORTER": "zipkin", "TRACE_ENDPOINT": url}
    ways: list[tuple[str, Settings]] = [
        (_WITHOUT, {"TRACE_EXPORTER": "none"}),
        (_UNSAMPLED, to_store | {"TRACE_RATIO": "0"}),
        (_SAMPLED, to_store | {"TRACE_RATIO": "1"}),
    ]
    return ways if turn % 2 == 0 else ways[::-1]


def _note(sheet: Sheet, what: str, unit: str, costs: Mapping[str, float]) -> None:
    for way, kind in _KINDS.items():
        sheet.note(f"{what}: {way}", costs[way], unit, kind=kind)
    more = {way: 100 * (costs[way] / costs[_WITHOUT] - 1) for way in (_UNSAMPLED, _SAMPLED)}
    sheet.note(f"{what}: more where nothing is sampled", more[_UNSAMPLED], "%", bar=at_most(3))
    sheet.note(f"{what}: more where everything is", more[_SAMPLED], "%")


def _relay(stage: Stage, session: psycopg.Connection, database: str, rows: int, way: str, settings: Settings) -> float:
    _prepare(session, rows, way)
    with stage.target("stream") as log:
        stage.refill(session, log, rows)
        with stage.relay(database, log, **settings) as relay:
            return watch_drain(session, relay, rows)[1]


def _consumer(stage: Stage, messages: int, way: str, settings: Settings) -> float:
    with stage.database() as database, stage.target("stream", PUBLISHER) as log:
        with stage.session(database) as session:
            _prepare(session, messages, way)
        apart(publish_prebuilt, database, stage.rabbitmq.url, log, messages, messages)
        more = {name.lower(): value for name, value in settings.items()}
        return 1e6 / apart(consume, database, stage.rabbitmq.url, [log], messages, 100, **more)


def _api(stage: Stage, for_s: float, settings: Settings) -> float:
    with stage.prescription_database() as (database, patient_id):
        body = {"patient_id": str(patient_id), "medication_code": "aspirin-100", "quantity": 1}
        with serving(stage, database, _SERVICE, **settings) as address:
            apart(post_for, address, body, _CLIENTS, 1.0)
            answered: Answered = apart(post_for, address, body, _CLIENTS, for_s)
    return 1e6 / answered.requests_per_s


def _prepare(session: psycopg.Connection, rows: int, way: str) -> None:
    prepare(session, rows)
    if way == _SAMPLED:
        session.execute(_SAMPLE)


@contextmanager
def _store(stage: Stage) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.trace_store", str(port)]
    process = Process("store", command, log_path=stage.logs / "store.log", working_dir=REPOSITORY)
    process.start()
    try:
        wait_until_ready({"store": port}, 30)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        process.stop()
