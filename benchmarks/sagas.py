"""Benchmark: admissions from POST to completed, one alone and many at once, in the whole hospital."""

import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg

from audit.client import bearer
from benchmarks.options import Options
from benchmarks.results import Results, at_least, at_most, percentile
from benchmarks.testbed import Testbed
from local.hospital import running_hospital
from local.topology import PROCESSES, SERVICES

TITLE = "Sagas: admissions (four services, one of them on MongoDB) from POST to completed"
_POSTING = 8
_WARMING = 5
"""So many come before those that are measured: every process has connected, imported and prepared all that it uses."""

_LOOK_EVERY_S = 0.001
_DEADLINE_S = 120.0
_COMPLETED = "SELECT count(*) FROM saga WHERE status = 'completed'"


def run(testbed: Testbed, results: Results, options: Options) -> None:
    """Starts a hospital of its own; measures admissions alone, one after the other, then many."""
    alone, together, rounds = (20, 40, 1) if options.quick else (200, 1000, 3)
    results.remark(
        "Temporal 1.32 on such a machine: p50 115 ms alone, 16 sagas/s at its peak (not measured in this run)."
    )
    results.remark(
        f"{len(PROCESSES)} processes of {len(SERVICES)} services and three servers share the cores with the clients."
    )
    with (
        tempfile.TemporaryDirectory(prefix="hospital-", dir=testbed.logs) as folder,
        running_hospital(Path(folder)) as hospital,
        httpx.Client(headers=bearer(hospital.env), timeout=30) as client,
        psycopg.connect(hospital.env["ADMISSION_DATABASE_URL"], autocommit=True) as admissions,
    ):
        first_ms = _admit_and_wait(client, hospital.env)
        results.note("the very first, in processes that have done nothing yet", first_ms, "ms")
        for _ in range(_WARMING):
            _admit_and_wait(client, hospital.env)
        for _ in range(options.rounds(rounds)):
            delays_ms = [_admit_and_wait(client, hospital.env) for _ in range(alone)]
            results.note("one alone, p50", percentile(delays_ms, 0.5), "ms", bar=at_most(45))
            results.note("one alone, p99", percentile(delays_ms, 0.99), "ms")
            rate = _many(client, hospital.env, admissions, together)
            results.note("at once", rate, "admissions/s", bar=at_least(150))


def _admit_and_wait(client: httpx.Client, env: Mapping[str, str]) -> float:
    """Admits somebody, and returns the milliseconds from the POST to the answer that says completed."""
    body = {"patient_id": _patient(client, env), "ward_id": _ward(client, env, 1)}
    started_at = time.perf_counter()
    answer = _ok(client.post(f"{env['ADMISSION_URL']}/admissions", json=body))
    address = f"{env['ADMISSION_URL']}/admissions/{answer['admission_id']}"
    while _ok(client.get(address))["status"] != "completed":
        time.sleep(_LOOK_EVERY_S)
        if time.perf_counter() - started_at > _DEADLINE_S:
            raise TimeoutError(f"{address} is not completed")
    return (time.perf_counter() - started_at) * 1000


def _many(client: httpx.Client, env: Mapping[str, str], admissions: psycopg.Connection, count: int) -> float:
    """Admits so many as fast as the service takes them, and returns how many a second were completed."""
    patients = [_patient(client, env) for _ in range(count)]
    wards = [_ward(client, env, count) for _ in range(_POSTING)]
    goal = _completed(admissions) + count
    started_at = time.perf_counter()

    def admit(number: int) -> None:
        body = {"patient_id": patients[number], "ward_id": wards[number % len(wards)]}
        _ok(client.post(f"{env['ADMISSION_URL']}/admissions", json=body))

    with ThreadPoolExecutor(_POSTING) as pool:
        list(pool.map(admit, range(count)))
    while _completed(admissions) < goal:
        time.sleep(0.02)
        if time.perf_counter() - started_at > _DEADLINE_S:
            raise TimeoutError(f"{goal - _completed(admissions)} of {count} admissions are not completed")
    return count / (time.perf_counter() - started_at)


def _completed(admissions: psycopg.Connection) -> int:
    (count,) = admissions.execute(_COMPLETED, prepare=True).fetchone() or (0,)
    return int(count)


def _patient(client: httpx.Client, env: Mapping[str, str]) -> str:
    body = {"full_name": "Ada Lovelace", "date_of_birth": "1980-01-01"}
    return str(_ok(client.post(f"{env['PATIENT_URL']}/patients", json=body))["patient_id"])


def _ward(client: httpx.Client, env: Mapping[str, str], beds: int) -> str:
    ward_id = f"ward-{uuid4().hex[:12]}"
    _ok(client.put(f"{env['WARD_URL']}/wards/{ward_id}", json={"name": "Cardiology", "beds": beds}))
    return ward_id


def _ok(answer: httpx.Response) -> dict[str, str]:
    found: dict[str, str] = answer.raise_for_status().json()
    return found
