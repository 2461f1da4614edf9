"""Benchmark: what the record of access costs a GET: with it and without it, in turns, beside each other."""

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from benchmarks.http_load import Answered, get_for
from benchmarks.options import Options
from benchmarks.requests import Serving, serving
from benchmarks.results import Kind, Results, at_most, percentile
from benchmarks.testbed import Testbed, apart

TITLE = "The record of access: GET /prescriptions/ID at saturation, one process of 8 threads"
_SERVICE = ("-m", "services", "prescription", "api")
_WITHOUT, _WITH = "without it", "with it"
_SETTINGS: Mapping[str, Mapping[str, str]] = {_WITHOUT: {}, _WITH: {"ACCESS_RECORDED_BY": "audit"}}
_KINDS: Mapping[str, Kind] = {_WITHOUT: "baseline", _WITH: "ours"}
CLIENTS: Sequence[int] = (8, 32)


@dataclass(frozen=True)
class _Measured:
    """What a number of clients were answered, and the processor time that each answer took."""

    answered: Answered
    api_us: float
    database_us: float


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Gets from both in turns, every other time from the end; what it costs is told of each turn."""
    rounds, for_s = (1, 2.0) if options.quick else (7, 6.0)
    results.remark("Clients, API and PostgreSQL share the cores. What it costs is the median of the turns.")
    for turn in range(options.rounds(rounds)):
        ways = (_WITHOUT, _WITH) if turn % 2 == 0 else (_WITH, _WITHOUT)
        measured = {way: _measured(testbed, way, for_s) for way in ways}
        for clients in CLIENTS:
            for way, kind in _KINDS.items():
                one = measured[way][clients]
                results.note(f"{clients} clients, {way}", one.answered.requests_per_s, "requests/s", kind=kind)
                p50 = percentile(one.answered.delays_ms, 0.5)
                results.note(f"{clients} clients, {way}, p50", p50, "ms", kind=kind)
                results.note(f"{clients} clients, {way}, processor of the API", one.api_us, "us/request", kind=kind)
                of_database = f"{clients} clients, {way}, processor of PostgreSQL"
                results.note(of_database, one.database_us, "us/request", kind=kind)
            with_it, without = measured[_WITH][clients], measured[_WITHOUT][clients]
            share = with_it.answered.requests_per_s / without.answered.requests_per_s
            results.note(f"{clients} clients, throughput that it costs", 100 * (1 - share), "%", bar=at_most(10))


def _measured(testbed: Testbed, way: str, for_s: float) -> Mapping[int, _Measured]:
    with (
        testbed.prescription_database() as (url, patient_id),
        serving(testbed, url, _SERVICE, **_SETTINGS[way]) as api,
    ):
        one = f"{api.address}/{_prescribed(api.address, patient_id)}"
        apart(get_for, one, CLIENTS[0], 1.0)  # connections are open and statements prepared
        return {clients: _one(testbed, api, one, clients, for_s) for clients in CLIENTS}


def _one(testbed: Testbed, api: Serving, address: str, clients: int, for_s: float) -> _Measured:
    api_before_s, database_before_s = api.cpu_s, testbed.database_cpu_s()
    answered: Answered = apart(get_for, address, clients, for_s)
    many = len(answered.delays_ms)
    of_api_s, of_database_s = api.cpu_s - api_before_s, testbed.database_cpu_s() - database_before_s
    return _Measured(answered, of_api_s / many * 1e6, of_database_s / many * 1e6)


def _prescribed(address: str, patient_id: UUID) -> str:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    body = {"patient_id": str(patient_id), "medication_code": "aspirin-100", "quantity": 1}
    connection.request("POST", parts.path, json.dumps(body), {"Content-Type": "application/json"})
    answer = json.load(connection.getresponse())
    connection.close()
    return str(answer["prescription_id"])
